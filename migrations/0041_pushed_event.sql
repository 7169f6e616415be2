-- When an event has become a job that tells the authority's program by itself.
ALTER TABLE postbox_event ADD COLUMN handed_at BIGINT;
CREATE INDEX postbox_event_unhanded ON postbox_event (client_id, id) WHERE taken_at IS NULL AND handed_at IS NULL;
