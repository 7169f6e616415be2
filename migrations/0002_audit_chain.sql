-- The chain over audit_event. `position` and `seal` are filled together, once, when the event is sealed.

ALTER TABLE audit_event ADD COLUMN position BIGINT;
-- No two events share a place, whatever the nodes do at once.
CREATE UNIQUE INDEX audit_event_position ON audit_event (position);

-- Where the chain ends: one row. Whoever moves it from its old place to a new one seals what lies between.
CREATE TABLE audit_head (
    name      TEXT   NOT NULL,
    position  BIGINT NOT NULL,
    seal      BYTEA  NOT NULL,
    sealed_at BIGINT NOT NULL,
    CONSTRAINT audit_head_pk PRIMARY KEY (name)
);

-- Heads under our signature: what can be copied to where nobody here can change it.
CREATE TABLE audit_signed_head (
    position  BIGINT NOT NULL,
    signed_at BIGINT NOT NULL,
    token     TEXT   NOT NULL,
    CONSTRAINT audit_signed_head_pk PRIMARY KEY (position)
);
