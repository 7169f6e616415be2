-- Means that their owner has blocked: registered still, and good for nothing until somebody who is strong enough has used them
-- again (BSI TR-03160-1).
ALTER TABLE passkey ADD COLUMN blocked_at BIGINT;
ALTER TABLE code_generator ADD COLUMN blocked_at BIGINT;
