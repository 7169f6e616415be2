-- Types: TEXT, BIGINT, BOOLEAN, BYTEA. Times are milliseconds UTC. What names a person is sealed (BYTEA).

CREATE TABLE root_secret (
    name    TEXT  NOT NULL,
    wrapped BYTEA NOT NULL,
    CONSTRAINT root_secret_pk PRIMARY KEY (name)
);

-- Counters by which nodes notice that what they hold in memory is old.
CREATE TABLE version (
    name  TEXT   NOT NULL,
    value BIGINT NOT NULL,
    CONSTRAINT version_pk PRIMARY KEY (name)
);

CREATE TABLE audit_event (
    id      TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    actor   TEXT   NOT NULL,
    subject TEXT,
    reason  TEXT,
    detail  TEXT   NOT NULL,
    request TEXT,
    -- Filled when the event is sealed into the chain.
    seal    BYTEA,
    CONSTRAINT audit_event_pk PRIMARY KEY (id)
);
CREATE INDEX audit_event_by_subject ON audit_event (subject, id);
CREATE INDEX audit_event_unsealed ON audit_event (id) WHERE seal IS NULL;

CREATE TABLE outbox (
    id          TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    payload     BYTEA  NOT NULL,
    attempts    BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    failure     TEXT,
    given_up_at BIGINT,
    CONSTRAINT outbox_pk PRIMARY KEY (id)
);
CREATE INDEX outbox_due ON outbox (due_at, id) WHERE given_up_at IS NULL;

-- Proof that a mail was ours: the hash of the check code printed in it.
CREATE TABLE mail_check (
    code_hash  BYTEA  NOT NULL,
    kind       TEXT   NOT NULL,
    sent_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT mail_check_pk PRIMARY KEY (code_hash)
);
CREATE INDEX mail_check_expiry ON mail_check (expires_at);

CREATE TABLE account (
    id          TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    key_wrapped BYTEA,
    language    TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    CONSTRAINT account_pk PRIMARY KEY (id)
);

CREATE TABLE attribute (
    account_id  TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    value       BYTEA  NOT NULL,
    level       TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL,
    CONSTRAINT attribute_pk PRIMARY KEY (account_id, name),
    CONSTRAINT attribute_account FOREIGN KEY (account_id) REFERENCES account (id)
);

CREATE TABLE email_address (
    blind_index  BYTEA  NOT NULL,
    account_id   TEXT   NOT NULL,
    value        BYTEA  NOT NULL,
    confirmed_at BIGINT NOT NULL,
    CONSTRAINT email_address_pk PRIMARY KEY (blind_index),
    CONSTRAINT email_address_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX email_address_by_account ON email_address (account_id);

CREATE TABLE password (
    account_id TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    CONSTRAINT password_pk PRIMARY KEY (account_id),
    CONSTRAINT password_account FOREIGN KEY (account_id) REFERENCES account (id)
);

CREATE TABLE recovery_code (
    code_hash  BYTEA  NOT NULL,
    account_id TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT,
    CONSTRAINT recovery_code_pk PRIMARY KEY (code_hash),
    CONSTRAINT recovery_code_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX recovery_code_by_account ON recovery_code (account_id);

CREATE TABLE session (
    id               TEXT   NOT NULL,
    token_hash       BYTEA  NOT NULL,
    account_id       TEXT   NOT NULL,
    level            TEXT   NOT NULL,
    methods          TEXT   NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    last_seen_at     BIGINT NOT NULL,
    CONSTRAINT session_pk PRIMARY KEY (id),
    CONSTRAINT session_token UNIQUE (token_hash),
    CONSTRAINT session_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX session_by_account ON session (account_id);
CREATE INDEX session_by_last_seen ON session (last_seen_at);

-- A registration under way, one per browser. The person's answers are sealed under the future account's key.
CREATE TABLE registration (
    browser_hash BYTEA  NOT NULL,
    account_id   TEXT   NOT NULL,
    key_wrapped  BYTEA  NOT NULL,
    stage        TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    draft        BYTEA  NOT NULL,
    request_id   TEXT,
    expires_at   BIGINT NOT NULL,
    CONSTRAINT registration_pk PRIMARY KEY (browser_hash)
);
CREATE INDEX registration_expiry ON registration (expires_at);

-- A password reset under way, one per browser. Without an account the address was unknown.
CREATE TABLE password_reset (
    browser_hash BYTEA  NOT NULL,
    account_id   TEXT,
    stage        TEXT   NOT NULL,
    email        BYTEA  NOT NULL,
    request_id   TEXT,
    expires_at   BIGINT NOT NULL,
    CONSTRAINT password_reset_pk PRIMARY KEY (browser_hash)
);
CREATE INDEX password_reset_expiry ON password_reset (expires_at);

-- Six-digit codes sent by mail; the purpose is part of the key, so that none serves another.
CREATE TABLE mailed_code (
    purpose    TEXT   NOT NULL,
    owner      BYTEA  NOT NULL,
    code_hash  BYTEA  NOT NULL,
    tries      BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT mailed_code_pk PRIMARY KEY (purpose, owner)
);
CREATE INDEX mailed_code_expiry ON mailed_code (expires_at);

-- Attempts in a window of time, by purpose and keyed hash of who or where.
CREATE TABLE attempt (
    purpose            TEXT    NOT NULL,
    key_hash           BYTEA   NOT NULL,
    count              BIGINT  NOT NULL,
    -- The rule under which it was last counted.
    allowed            BIGINT  NOT NULL,
    delay_milliseconds BIGINT  NOT NULL,
    blocked_until      BIGINT  NOT NULL,
    -- Whether the last try was refused; for the statement that counts to tell.
    is_refused         BOOLEAN NOT NULL,
    expires_at         BIGINT  NOT NULL,
    CONSTRAINT attempt_pk PRIMARY KEY (purpose, key_hash)
);
CREATE INDEX attempt_expiry ON attempt (expires_at);

CREATE TABLE client (
    id         TEXT   NOT NULL,
    definition TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    CONSTRAINT client_pk PRIMARY KEY (id)
);

CREATE TABLE consent (
    account_id   TEXT   NOT NULL,
    client_id    TEXT   NOT NULL,
    scope        TEXT   NOT NULL,
    granted_at   BIGINT NOT NULL,
    CONSTRAINT consent_pk PRIMARY KEY (account_id, client_id),
    CONSTRAINT consent_account FOREIGN KEY (account_id) REFERENCES account (id)
);

CREATE TABLE authorization_request (
    id           TEXT   NOT NULL,
    browser_hash BYTEA  NOT NULL,
    client_id    TEXT   NOT NULL,
    request      BYTEA  NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    CONSTRAINT authorization_request_pk PRIMARY KEY (id)
);
CREATE INDEX authorization_request_expiry ON authorization_request (expires_at);

CREATE TABLE authorization_code (
    code_hash        BYTEA  NOT NULL,
    client_id        TEXT   NOT NULL,
    account_id       TEXT   NOT NULL,
    session_id       TEXT   NOT NULL,
    grant_id         TEXT   NOT NULL,
    redirect_uri     TEXT   NOT NULL,
    scope            TEXT   NOT NULL,
    nonce            TEXT,
    challenge        TEXT,
    level            TEXT   NOT NULL,
    methods          TEXT   NOT NULL,
    authenticated_at BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    used_at          BIGINT,
    CONSTRAINT authorization_code_pk PRIMARY KEY (code_hash)
);
CREATE INDEX authorization_code_expiry ON authorization_code (expires_at);

CREATE TABLE client_grant (
    id               TEXT   NOT NULL,
    client_id        TEXT   NOT NULL,
    account_id       TEXT   NOT NULL,
    session_id       TEXT   NOT NULL,
    scope            TEXT   NOT NULL,
    level            TEXT   NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    ended_at         BIGINT,
    CONSTRAINT client_grant_pk PRIMARY KEY (id)
);
CREATE INDEX client_grant_by_account ON client_grant (account_id, client_id);
CREATE INDEX client_grant_by_session ON client_grant (session_id);
CREATE INDEX client_grant_expiry ON client_grant (expires_at);

-- Client assertions already used (RFC 7523 section 3, jti).
CREATE TABLE client_assertion (
    client_id  TEXT   NOT NULL,
    jti_hash   BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT client_assertion_pk PRIMARY KEY (client_id, jti_hash)
);
CREATE INDEX client_assertion_expiry ON client_assertion (expires_at);
