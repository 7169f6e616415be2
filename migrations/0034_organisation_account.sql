-- Of evidence from an account that an organisation has elsewhere: which account, as a keyed hash. What it says there counts for
-- one organisation at a time, as long as the evidence counts.
ALTER TABLE organisation_evidence ADD COLUMN account_index BYTEA;
CREATE UNIQUE INDEX organisation_evidence_account ON organisation_evidence (account_index) WHERE void_at IS NULL;
