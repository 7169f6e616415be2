-- What a session's `level` has been since: how strongly its owner has signed in. How well it is known who that is stands with
-- the account; a sign-in has the lower of both.
ALTER TABLE account ADD COLUMN identity_level TEXT NOT NULL DEFAULT 'basic';

-- The session in which somebody has said to go on with a lower level than the client wishes.
ALTER TABLE authorization_request ADD COLUMN level_declined_by TEXT;
