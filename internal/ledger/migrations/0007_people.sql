-- What an account may see, how it logs in from elsewhere, what a token may do, and who changed what.
ALTER TABLE accounts ADD COLUMN data_filter TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN last_login BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN last_used BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX accounts_by_subject ON accounts (issuer, subject) WHERE subject <> '';
CREATE TABLE audit (
  id SERIAL,
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  via TEXT NOT NULL,
  origin TEXT NOT NULL,
  what TEXT NOT NULL,
  subject TEXT NOT NULL,
  was TEXT NOT NULL,
  became TEXT NOT NULL,
  outcome TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at, id);
