-- Data that a person was asked for, each with the answer, and the fingerprint of the words in which it was asked. A consent
-- from before knows neither and is asked for again.
ALTER TABLE consent ADD COLUMN claims TEXT NOT NULL DEFAULT '{}';
ALTER TABLE consent ADD COLUMN terms TEXT NOT NULL DEFAULT '';
ALTER TABLE authorization_code ADD COLUMN released TEXT NOT NULL DEFAULT '';
