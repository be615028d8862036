-- Silences, maintenance windows and exclusions. Ends of 0 is never; one that was taken back stays to be read. Told is up to
-- when ends of it were told to people; the last of them is when it was taken back, or else ended.
CREATE TABLE mutes (
  id SERIAL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  author TEXT NOT NULL,
  note TEXT NOT NULL,
  created BIGINT NOT NULL,
  starts BIGINT NOT NULL,
  ends BIGINT NOT NULL,
  revoked BIGINT NOT NULL,
  revoked_by TEXT NOT NULL,
  hits BIGINT NOT NULL,
  last_hit BIGINT NOT NULL,
  told BIGINT NOT NULL
);
CREATE INDEX mutes_in_force ON mutes (kind, ends) WHERE revoked = 0;
