-- Which model of authenticator a passkey was made on (AAGUID, Web Authentication Level 3 section 6.5.1), and whether its maker
-- vouches for that. Sealed for the same reason as the credential. None for passkeys that are older than this column.
ALTER TABLE passkey ADD COLUMN model BYTEA;
