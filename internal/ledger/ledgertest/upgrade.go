package ledgertest

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
)

// firstAgain takes back what the steps of the schema behind the first added, the newest step first.
var firstAgain = []string{
	`DROP TABLE report_results`, `DROP TABLE reports`,
	`DROP TABLE boards`, `DROP TABLE saved_views`,
	`DROP TABLE naming_version`, `DROP TABLE thing_names`, `DROP TABLE traffic_groups`,
	`DROP TABLE audit`, `DROP INDEX accounts_by_subject`, `ALTER TABLE tokens DROP COLUMN last_used`, `ALTER TABLE tokens DROP COLUMN scopes`,
	`ALTER TABLE accounts DROP COLUMN last_login`, `ALTER TABLE accounts DROP COLUMN subject`, `ALTER TABLE accounts DROP COLUMN issuer`,
	`ALTER TABLE accounts DROP COLUMN data_filter`,
	`DROP TABLE mutes`,
	`DROP TABLE preferences`,
	`DROP INDEX outbox_by_recipient`, `DROP INDEX outbox_by_bundle`, `DROP INDEX outbox_held`, `ALTER TABLE outbox DROP COLUMN bundle`, `ALTER TABLE outbox DROP COLUMN why`,
	`ALTER TABLE outbox DROP COLUMN hold`, `ALTER TABLE outbox DROP COLUMN target`,
	`DROP TABLE alert_changes`, `DROP INDEX alerts_by_change`, `DROP INDEX alerts_settling`, `ALTER TABLE alerts DROP COLUMN odd`, `ALTER TABLE alerts DROP COLUMN settles`,
	`ALTER TABLE alerts DROP COLUMN calm`, `ALTER TABLE alerts DROP COLUMN flapping`, `ALTER TABLE alerts DROP COLUMN turns`, `ALTER TABLE alerts DROP COLUMN turn_times`,
	`ALTER TABLE alerts DROP COLUMN born`, `ALTER TABLE alerts DROP COLUMN change`,
	`DROP INDEX alerts_lapsing`, `DROP TABLE alert_log`,
	`ALTER TABLE alerts DROP COLUMN acked_by`, `ALTER TABLE alerts DROP COLUMN acked_at`, `ALTER TABLE alerts DROP COLUMN acked_until`,
	`ALTER TABLE alerts DROP COLUMN acked_note`, `ALTER TABLE alerts DROP COLUMN assignee`, `ALTER TABLE alerts DROP COLUMN disposition`,
	`ALTER TABLE alerts DROP COLUMN duplicate_of`, `ALTER TABLE alerts DROP COLUMN closed_by`, `ALTER TABLE alerts DROP COLUMN closed_at`,
	`ALTER TABLE alerts DROP COLUMN closed_note`, `ALTER TABLE alerts DROP COLUMN reopened`, `UPDATE schema_version SET version = 1`,
}

// testUpgrade: a ledger of the first version, with all that is in it, goes on as one of now.
func testUpgrade(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	old, err := ledger.Open(dsn, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.CreateUser(t.Context(), "anna", "correct horse battery", true, at(0)); err != nil {
		t.Fatal(err)
	}
	step(t, old, 1, write(1, host("a"), trigger(1, 2, 12)), write(1, host("b"), trigger(1, 1, 11), end(2)))
	want, notices := alerts(t, old, ledger.AlertQuery{}), deliveries(t, old)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	driver, address := "pgx", dsn
	if dsn == "" {
		driver, address = "sqlite", filepath.Join(dir, ledger.FileName)
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range firstAgain {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	l := Open(t, dsn, dir)
	if diff := cmp.Diff(want, alerts(t, l, ledger.AlertQuery{})); diff != "" {
		t.Errorf("alerts of before (-then +now):\n%s", diff)
	}
	if diff := cmp.Diff(notices, deliveries(t, l)); diff != "" {
		t.Errorf("notices of before (-then +now):\n%s", diff)
	}
	wantStory(t, l, 1)
	step(t, l, 1, write(1, host("a"), trigger(1, 2, 12))) // known
	step(t, l, 2, write(1, host("a"), trigger(2, 1, 12)))
	act(t, l, 3, ledger.Act{Alert: 1, Deed: ledger.Assign, Assignee: "anna"})
	got := act(t, l, 4, ledger.Act{Alert: 1, Deed: ledger.Acknowledge})
	if got.State != alert.Acknowledged || got.Triggers != 3 || got.Assignee != "anna" {
		t.Errorf("alert of before, acknowledged: %+v", got)
	}
	wantStory(t, l, 1, "3 anna assigned >anna ", "4 anna acknowledged open>acknowledged ")
}
