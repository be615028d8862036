package postgres_test

import (
	"testing"

	"go.uber.org/goleak"

	"tocsin/internal/ledger/ledgertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	ledgertest.Run(t, func(t *testing.T) (dsn, dir string) { return server.Database(t), "" })
}
