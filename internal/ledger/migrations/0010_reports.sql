-- Questions of tocsin's pages that users have asked on a schedule, and what was answered.
CREATE TABLE reports (
  id SERIAL,
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  keep BIGINT NOT NULL,
  paused BIGINT NOT NULL,
  past BIGINT NOT NULL,
  changed BIGINT NOT NULL
);
CREATE UNIQUE INDEX reports_by_name ON reports (account, name);
CREATE TABLE report_results (
  id SERIAL,
  report BIGINT NOT NULL,
  due BIGINT NOT NULL,
  made BIGINT NOT NULL,
  failed TEXT NOT NULL,
  head TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX results_by_due ON report_results (report, due);
CREATE INDEX results_by_report ON report_results (report, id);
