package sqlite_test

import (
	"os"
	"testing"

	"tocsin/internal/leaktest"
	"tocsin/internal/ledger/ledgertest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }

func TestContract(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) (dsn, dir string) { return "", t.TempDir() })
}
