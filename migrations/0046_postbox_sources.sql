-- What is new in a postbox, and from whom it comes, is asked on many pages: both are read from an index alone.
DROP INDEX postbox_message_unread;
CREATE INDEX postbox_message_unread
    ON postbox_message (owner, provided_at, client_id, area_id, service_id, authority_id, opened_at, archived_at, deleted_at)
    WHERE opened_at IS NULL AND archived_at IS NULL AND deleted_at IS NULL;
DROP INDEX postbox_message_by_owner;
CREATE INDEX postbox_message_by_owner ON postbox_message (owner, provided_at, id, client_id, area_id, service_id, authority_id);
