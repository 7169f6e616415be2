-- When somebody has last chosen to act for the organisation: the list of those for whom they may act begins with it. 0 if never.
ALTER TABLE membership ADD COLUMN chosen_at BIGINT NOT NULL DEFAULT 0;
-- That list, page by page; it finds the memberships of an account, too.
CREATE INDEX membership_by_choice ON membership (account_id, chosen_at, id, organisation_id) WHERE ended_at IS NULL;
DROP INDEX membership_by_account;

-- How often the same party has been asked or offered, without looking through everything that an organisation has sent.
CREATE INDEX mandate_by_named ON mandate (opener, named_index);

-- Since when a key does not count because whoever answers for it may not do any more what it does: those in charge have been told.
ALTER TABLE organisation_key ADD COLUMN stopped_at BIGINT;
CREATE INDEX organisation_key_counting ON organisation_key (id) WHERE ended_at IS NULL AND stopped_at IS NULL;
