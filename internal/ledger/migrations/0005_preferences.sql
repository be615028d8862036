-- What each account wants to be told, where and when, as JSON.
CREATE TABLE preferences (
  account TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  changed BIGINT NOT NULL
);
