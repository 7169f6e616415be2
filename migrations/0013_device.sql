-- What devices ask for people to allow elsewhere (RFC 8628). Of the device's code the hash is kept, of the code that people
-- type a keyed one.
CREATE TABLE device_authorization (
    device_hash      BYTEA  NOT NULL,
    user_hash        BYTEA  NOT NULL,
    client_id        TEXT   NOT NULL,
    -- A keyed hash of where a client asked that cannot authenticate.
    network_hash     BYTEA,
    request          BYTEA  NOT NULL,
    -- pending, allowed or denied
    state            TEXT   NOT NULL,
    -- How long the device has to wait between two questions, and when the last one came.
    interval_seconds BIGINT NOT NULL,
    polled_at        BIGINT,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    CONSTRAINT device_authorization_pk PRIMARY KEY (device_hash),
    CONSTRAINT device_authorization_user UNIQUE (user_hash)
);
CREATE INDEX device_authorization_expiry ON device_authorization (expires_at);
CREATE INDEX device_authorization_pending ON device_authorization (client_id, expires_at) WHERE state = 'pending';

-- The session whose owner has said that a device is theirs.
ALTER TABLE authorization_request ADD COLUMN confirmed_by TEXT;
