-- SERIAL stands for the dialect's self-numbering key, whose numbers are never used twice. Statements end with a semicolon
-- at the end of a line. Times are nanoseconds since 1970 UTC, 0 where there is none; flags are 0 or 1.
CREATE TABLE accounts (
  id SERIAL,
  name TEXT NOT NULL UNIQUE,
  password TEXT NOT NULL,
  admin BIGINT NOT NULL,
  disabled BIGINT NOT NULL,
  created BIGINT NOT NULL,
  changed BIGINT NOT NULL
);
CREATE TABLE tokens (
  id SERIAL,
  account BIGINT NOT NULL REFERENCES accounts (id),
  hash TEXT NOT NULL UNIQUE,
  label TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  revoked BIGINT NOT NULL
);
CREATE TABLE rules (
  id SERIAL,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  origin TEXT NOT NULL,
  body TEXT NOT NULL,
  version BIGINT NOT NULL,
  enabled BIGINT NOT NULL,
  created BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  UNIQUE (owner, name)
);
CREATE TABLE alerts (
  id SERIAL,
  rule BIGINT NOT NULL,
  rule_name TEXT NOT NULL,
  rule_version BIGINT NOT NULL,
  owner TEXT NOT NULL,
  title TEXT NOT NULL,
  severity BIGINT NOT NULL,
  state TEXT NOT NULL,
  entity TEXT NOT NULL,
  entity_key TEXT NOT NULL,
  origin TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  triggers BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  peak DOUBLE PRECISION NOT NULL,
  bound DOUBLE PRECISION NOT NULL,
  below BIGINT NOT NULL,
  span BIGINT NOT NULL,
  reason TEXT NOT NULL,
  samples TEXT NOT NULL,
  seen TEXT NOT NULL
);
CREATE UNIQUE INDEX alerts_one_open ON alerts (rule, entity_key) WHERE state <> 'ended';
CREATE INDEX alerts_by_entity ON alerts (rule, entity_key, id);
CREATE INDEX alerts_by_time ON alerts (last_at, id);
CREATE TABLE outbox (
  id SERIAL,
  idempotency TEXT NOT NULL UNIQUE,
  alert BIGINT NOT NULL,
  change TEXT NOT NULL,
  recipient TEXT NOT NULL,
  channel TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  created BIGINT NOT NULL,
  due BIGINT NOT NULL,
  lease TEXT NOT NULL,
  lease_until BIGINT NOT NULL
);
CREATE INDEX outbox_waiting ON outbox (channel, due, id) WHERE state IN ('pending', 'leased');
CREATE INDEX outbox_by_alert ON outbox (alert, channel, id);
CREATE TABLE attempts (
  notice BIGINT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  began BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (notice, number)
);
CREATE TABLE positions (
  name TEXT PRIMARY KEY,
  position TEXT NOT NULL,
  front TEXT NOT NULL,
  watermark BIGINT NOT NULL,
  updated BIGINT NOT NULL
);
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  changed BIGINT NOT NULL
);
