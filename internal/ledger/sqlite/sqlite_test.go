package sqlite_test

import (
	"testing"

	"go.uber.org/goleak"

	"tocsin/internal/ledger/ledgertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) (dsn, dir string) { return "", t.TempDir() })
}
