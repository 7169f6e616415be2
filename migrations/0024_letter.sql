-- Letters with a code, to the address that somebody has stated. The address is sealed under the account's key: a letter to
-- another one than the account has now proves nothing.
CREATE TABLE letter (
    id         TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    code_hash  BYTEA  NOT NULL,
    address    BYTEA  NOT NULL,
    state      TEXT   NOT NULL,
    tries      BIGINT NOT NULL,
    ordered_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When its print file was written.
    printed_at BIGINT,
    CONSTRAINT letter_pk PRIMARY KEY (id),
    CONSTRAINT letter_account FOREIGN KEY (account_id) REFERENCES account (id)
);
-- One on its way for each account.
CREATE UNIQUE INDEX letter_under_way ON letter (account_id) WHERE state = 'under_way';
CREATE INDEX letter_by_account ON letter (account_id, ordered_at);
CREATE INDEX letter_ordered ON letter (ordered_at);
