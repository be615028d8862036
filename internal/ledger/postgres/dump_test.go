package postgres_test

import (
	"testing"

	"tocsin/internal/ledger/ledgertest"
)

// Groups and names come back with what pg_dump wrote, and the ledger goes on from there.
func TestDumpHasNames(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	dsn := server.Database(t)
	l := ledgertest.Open(t, dsn, "")
	want := ledgertest.GiveNames(t, l)
	copied := server.Copy(t, dsn)
	ledgertest.WantNames(t, ledgertest.Open(t, copied, ""), want)
	if got := ledgertest.NamesIn(t, l); got.Version != want.Version {
		t.Errorf("what was dumped changed with its copy: version %d, was %d", got.Version, want.Version)
	}
}
