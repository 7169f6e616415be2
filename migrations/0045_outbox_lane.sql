-- Each lane finds what is due in it, however much waits in the other.
ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT 'own';
UPDATE outbox SET lane = 'services' WHERE kind IN ('logout.tell', 'postbox.tell');
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (lane, due_at, id) WHERE given_up_at IS NULL;
