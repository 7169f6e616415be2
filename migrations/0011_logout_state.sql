-- Which service was to be told that which session has ended, and what became of it. The row is written with the job that
-- tells the service and has its id; the two change together.
CREATE TABLE logout_notice (
    id         TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    session_id TEXT   NOT NULL,
    -- waiting, told or failed
    state      TEXT   NOT NULL,
    attempts   BIGINT NOT NULL,
    -- Why the last try has failed: no address, no personal data.
    reason     TEXT,
    ended_at   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    CONSTRAINT logout_notice_pk PRIMARY KEY (id),
    CONSTRAINT logout_notice_once UNIQUE (session_id, client_id)
);
CREATE INDEX logout_notice_by_account ON logout_notice (account_id);
CREATE INDEX logout_notice_by_client ON logout_notice (client_id, state, changed_at);
CREATE INDEX logout_notice_waiting ON logout_notice (client_id) WHERE state = 'waiting';
CREATE INDEX logout_notice_by_age ON logout_notice (ended_at);
