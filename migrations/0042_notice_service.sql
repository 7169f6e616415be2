-- The service whose notices they are, where another client of the authority delivers them.
ALTER TABLE postbox_message ADD COLUMN service_id TEXT;
