-- The way back in over a registration desk. A slip is what somebody has asked for in a browser, whether or not there is an account
-- with the address that they named: its code opens a case at a desk.
CREATE TABLE desk_slip (
    browser_hash BYTEA  NOT NULL,
    -- None if there is no such account.
    account_id   TEXT,
    code_hash    BYTEA  NOT NULL,
    code         BYTEA  NOT NULL,
    asked_at     BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    CONSTRAINT desk_slip_pk PRIMARY KEY (browser_hash),
    CONSTRAINT desk_slip_code UNIQUE (code_hash)
);
CREATE INDEX desk_slip_by_account ON desk_slip (account_id);
CREATE INDEX desk_slip_expiry ON desk_slip (expires_at);

-- What a case is for: `proof`, or `recovery` when it was opened by a slip.
ALTER TABLE desk_case ADD COLUMN purpose TEXT NOT NULL DEFAULT 'proof';

-- Accounts that a desk has released: whoever has the code on paper sets a new password, once, unless somebody objects by the link
-- in a mail.
CREATE TABLE desk_release (
    account_id  TEXT   NOT NULL,
    code_hash   BYTEA  NOT NULL,
    cancel_hash BYTEA  NOT NULL,
    released_at BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    CONSTRAINT desk_release_pk PRIMARY KEY (account_id),
    CONSTRAINT desk_release_code UNIQUE (code_hash),
    CONSTRAINT desk_release_cancel UNIQUE (cancel_hash),
    CONSTRAINT desk_release_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX desk_release_expiry ON desk_release (expires_at);

-- The release by which a new password is set without a code from a mail.
ALTER TABLE password_reset ADD COLUMN release_hash BYTEA;
