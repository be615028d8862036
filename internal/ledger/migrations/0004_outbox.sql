-- Notices to addresses of single users, notices that wait for a summary, and notices that are not sent, with the reason.
ALTER TABLE outbox ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN hold TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN why TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN bundle BIGINT NOT NULL DEFAULT 0;
CREATE INDEX outbox_held ON outbox (due, id) WHERE state = 'held';
CREATE INDEX outbox_by_bundle ON outbox (bundle) WHERE bundle <> 0;
CREATE INDEX outbox_by_recipient ON outbox (channel, recipient, created);
