-- What people do about alerts. An alert of before was handled by nobody.
ALTER TABLE alerts ADD COLUMN acked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN acked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN acked_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN acked_note TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN assignee TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN disposition TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN duplicate_of BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN closed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN closed_note TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN reopened BIGINT NOT NULL DEFAULT 0;
CREATE INDEX alerts_lapsing ON alerts (acked_until) WHERE state = 'acknowledged' AND acked_until > 0;
CREATE TABLE alert_log (
  id SERIAL,
  alert BIGINT NOT NULL,
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  was TEXT NOT NULL,
  became TEXT NOT NULL,
  note TEXT NOT NULL
);
CREATE INDEX alert_log_by_alert ON alert_log (alert, id);
