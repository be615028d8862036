package sqlite_test

import (
	"path/filepath"
	"testing"

	"tocsin/internal/ledger/ledgertest"
)

// Groups and names are in a copy as they were when it was made, and the copy goes on from there.
func TestBackupHasNames(t *testing.T) {
	dir := t.TempDir()
	l := ledgertest.Open(t, "", dir)
	want := ledgertest.GiveNames(t, l)
	path := filepath.Join(dir, "copy.db")
	if err := l.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	ledgertest.WantNames(t, ledgertest.Open(t, "sqlite:"+path, ""), want)
}
