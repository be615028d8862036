-- Traffic groups, what people call things, and how often either was changed.
CREATE TABLE traffic_groups (
  name TEXT PRIMARY KEY,
  members TEXT NOT NULL,
  changed BIGINT NOT NULL,
  author TEXT NOT NULL
);
CREATE TABLE thing_names (
  kind TEXT NOT NULL,
  thing TEXT NOT NULL,
  name TEXT NOT NULL,
  changed BIGINT NOT NULL,
  author TEXT NOT NULL,
  PRIMARY KEY (kind, thing)
);
CREATE TABLE naming_version (version BIGINT NOT NULL);
INSERT INTO naming_version (version) VALUES (0);
