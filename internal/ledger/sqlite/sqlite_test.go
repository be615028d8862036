package sqlite_test

import (
	"testing"

	"tocsin/internal/leaktest"
	"tocsin/internal/ledger/ledgertest"
)

func TestMain(m *testing.M) { leaktest.Run(m) }

func TestContract(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) (dsn, dir string) { return "", t.TempDir() })
}
