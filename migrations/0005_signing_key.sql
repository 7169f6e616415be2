-- Signing keys, made by the program itself. A row is never deleted: `keys list` and the audit trail name it.
CREATE TABLE signing_key (
    key_id     TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,
    algorithm  TEXT   NOT NULL,
    -- PKCS#8, sealed under the system key.
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    -- Until its successor's time has come.
    signs_from BIGINT NOT NULL,
    revoked_at BIGINT,
    CONSTRAINT signing_key_pk PRIMARY KEY (key_id)
);
