package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/ledgertest"
)

func set(ctx context.Context, l *ledger.Ledger, value string) error {
	return l.SetSetting(ctx, "test", value, time.Unix(1, 0))
}

// TestServerAway: a server that is down at the start, or goes down later, is told apart, and used again when it is back.
func TestServerAway(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	dsn := server.Database(t)
	server.Stop(t)
	l := ledgertest.Open(t, dsn, "")
	away := func(what string, err error) {
		t.Helper()
		if fault.Kind(err) != fault.Unavailable || !strings.Contains(err.Error(), "is PostgreSQL running") {
			t.Errorf("%s = %v, want it unavailable, and a hint", what, err)
		}
	}
	away("Check of a server that is down", l.Check(t.Context()))
	for round := range 2 {
		server.Start(t)
		if err := set(t.Context(), l, "a"); err != nil {
			// Connections that the stop cut are found dead once.
			away("first write after a start", err)
			if err := set(t.Context(), l, "a"); err != nil {
				t.Errorf("round %d: second write after a start = %v", round, err)
			}
		}
		if got, _, err := l.Setting(t.Context(), "test"); got != "a" || err != nil {
			t.Errorf("round %d: Setting = %q, %v", round, got, err)
		}
		server.Stop(t)
		away("write to a server that went down", set(t.Context(), l, "b"))
		_, _, err := l.Setting(t.Context(), "test")
		away("read from a server that went down", err)
	}
}

func TestNoSuchDatabase(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	dsn := strings.Replace(server.Database(t), "/t1", "/nothing", 1)
	err := ledgertest.Open(t, dsn, "").Check(t.Context())
	if fault.Kind(err) != fault.Unavailable || !strings.Contains(err.Error(), "create it") {
		t.Errorf("Check = %v, want it unavailable, and a hint", err)
	}
}

// TestLockHeld: a writer that another holds up gives up in the end, and a caller who goes away gives up at once.
func TestLockHeld(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	dsn := server.Database(t)
	one := ledgertest.Open(t, dsn+"&lock_timeout=300ms", "")
	if err := one.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := ledgertest.HoldWriterLock(t, dsn)
	err := set(t.Context(), one, "a")
	if fault.Kind(err) != fault.Unavailable {
		t.Errorf("write beside a writer that hangs = %v, want it unavailable", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := set(ctx, one, "a"); err == nil {
		t.Error("write beside a writer that hangs succeeded")
	}
	ledgertest.WantNoWaiting(t, dsn) // the server has heard that he went away
	release()
	if err := set(t.Context(), one, "a"); err != nil {
		t.Errorf("write after it let go = %v", err)
	}
}
