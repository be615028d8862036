-- Every change of an alert has a number that grows over all alerts, so that whoever follows them misses none; and what is
-- known of an alert that comes and goes.
ALTER TABLE alerts ADD COLUMN change BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN born BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN turn_times TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN turns BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN flapping BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN calm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN settles BIGINT NOT NULL DEFAULT 0;
CREATE INDEX alerts_settling ON alerts (settles) WHERE flapping > 0;
ALTER TABLE alerts ADD COLUMN odd TEXT NOT NULL DEFAULT '';
UPDATE alerts SET change = id, born = id;
CREATE INDEX alerts_by_change ON alerts (change);
-- The number of the newest change of alerts that were deleted, as it is not given again.
CREATE TABLE alert_changes (cleared BIGINT NOT NULL);
INSERT INTO alert_changes (cleared) VALUES (0);
