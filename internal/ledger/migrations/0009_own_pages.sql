-- What users make of tocsin's pages: addresses that they keep under a name, and their boards.
CREATE TABLE saved_views (
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  changed BIGINT NOT NULL,
  PRIMARY KEY (account, name)
);
CREATE TABLE boards (
  account TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  body TEXT NOT NULL,
  changed BIGINT NOT NULL
);
