package postgres_test

import (
	"os"
	"testing"

	"tocsin/internal/leaktest"
	"tocsin/internal/ledger/ledgertest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }

func TestContract(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	ledgertest.Run(t, func(t *testing.T) (dsn, dir string) { return server.Database(t), "" })
}
