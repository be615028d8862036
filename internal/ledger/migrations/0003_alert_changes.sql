-- Every change of an alert has a number that grows over all alerts, so that whoever follows them misses none; and what is
-- known of an alert that comes and goes.
ALTER TABLE alerts ADD COLUMN change BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN born BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN turns TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN flapping BIGINT NOT NULL DEFAULT 0;
UPDATE alerts SET change = id, born = id;
CREATE INDEX alerts_by_change ON alerts (change);
