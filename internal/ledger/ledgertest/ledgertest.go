// Package ledgertest holds what a ledger promises, as tests that every database behind it must pass, and starts databases
// for the tests of others.
package ledgertest

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// A Fresh gives the address of a new and empty database, and the directory that goes with it.
type Fresh func(t *testing.T) (dsn, dir string)

// Run holds a kind of database to the contract.
func Run(t *testing.T, fresh Fresh) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Fresh)
	}{
		{"schema", testSchema},
		{"accounts", testAccounts},
		{"tokens", testTokens},
		{"people", testPeople},
		{"log in elsewhere", testExternal},
		{"adopted accounts", testAdopted},
		{"rules", testRules},
		{"rule numbers", testRuleNumbers},
		{"settings", testSettings},
		{"preferences", testPreferences},
		{"alert life", testAlertLife}, {"alert list", testAlertList},
		{"positions", testPositions},
		{"replay of held findings", testHeld},
		{"cap", testCap},
		{"one open alert", testOneOpen},
		{"hostile text", testHostile},
		{"alert queries", testQueries},
		{"alert changes", testChanges},
		{"alert changes followed", testFollow},
		{"history", testHistory},
		{"history repeats", testHistoryRepeats},
		{"end of a rule", testEndRule},
		{"outbox", testOutbox},
		{"outbox order", testOutboxOrder},
		{"outbox leases", testLeases},
		{"outbox claims", testClaims},
		{"outbox end", testGiveUp},
		{"outbox holds", testHolds},
		{"outbox storm", testStorm},
		{"outbox groups", testGroups},
		{"outbox of the untold", testUntold},
		{"outbox spares", testSpares},
		{"outbox summaries at once", testBundleRace},
		{"outbox ends", testEndings},
		{"clear alerts", testClearAlerts},
		{"acknowledgement", testAcknowledge},
		{"reopening", testReopen},
		{"reopening of what ended", testReopenEnded},
		{"evidence", testEvidence},
		{"flapping", testFlapping},
		{"flapping and acts", testFlappingActs},
		{"flapping in any cut", testFlappingCuts},
		{"acts", testActs},
		{"acts between repeats", testReplayedActs},
		{"acts at the same time", testRacingActs},
		{"mutes", testMutes},
		{"hits of mutes", testMuteHits},
		{"end of a mute", testUnmute},
		{"groups and names", testNaming},
		{"views", testViews},
		{"boards", testBoards}, {"reports", testReports}, {"scheduled reports", testScheduledReports}, {"results", testResults},
		{"upgrade", testUpgrade},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh) })
	}
}

// Open returns a ledger that closes with the test.
func Open(t *testing.T, dsn, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dsn, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// insist calls do again while the database is busy with others, as whoever writes to a ledger does. SQLite lets those who wait
// for its lock try now and then rather than in turn: on a slow disk one may be left waiting until the others are done.
func insist(do func() error) error {
	err := do()
	for tries := 1; tries < 12 && fault.Kind(err) == fault.Unavailable; tries++ {
		err = do()
	}
	return err
}

func open(t *testing.T, fresh Fresh) *ledger.Ledger {
	t.Helper()
	dsn, dir := fresh(t)
	return Open(t, dsn, dir)
}

// at is n seconds into the test.
func at(n int) time.Time { return time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC) }

func pos(seq uint64) event.Position {
	return event.Position{Epoch: "e1", Seqs: map[uint16]uint64{0: seq}}
}

func host(name string) alert.Entity { return alert.Entity{{Field: "source.ip", Value: name}} }

func ref(id int64) ledger.RuleRef {
	return ledger.RuleRef{ID: id, Version: 1, Name: "rule-" + strconv.FormatInt(id, 10), Severity: alert.High}
}

func trigger(second, n int, value float64) alert.Finding {
	return alert.Finding{
		Time: at(second).UnixNano(), Since: at(second - 10).UnixNano(), Triggers: n, Value: value, Limit: 10, Window: 10 * time.Second,
		Reason: fmt.Sprintf("%v in 10s", value),
	}
}

func end(second int) alert.Finding { return alert.Finding{Time: at(second).UnixNano(), Ended: true} }

func episodes(findings ...alert.Finding) []ledger.Episode {
	var all []ledger.Episode
	for _, f := range findings {
		if n := len(all); n == 0 || all[n-1].Ended {
			all = append(all, ledger.Episode{})
		}
		all[len(all)-1].Add(f)
	}
	return all
}

func write(rule int64, entity alert.Entity, findings ...alert.Finding) ledger.Write {
	return ledger.Write{Rule: ref(rule), Entity: entity, Episodes: episodes(findings...)}
}

// page sends every change to one channel that cannot show who took an alert on.
func page(c ledger.Change) []ledger.Target {
	if c.Acked {
		return nil
	}
	return []ledger.Target{{Channel: "page"}}
}

// step commits up to seq.
func step(t *testing.T, l *ledger.Ledger, seq uint64, writes ...ledger.Write) ledger.Result {
	t.Helper()
	result, err := l.Commit(t.Context(), ledger.Commit{
		Name: "alerting", Position: pos(seq), Front: pos(seq), Now: at(int(seq)), Writes: writes, Route: page, Cap: 3, //nolint:gosec // small
	})
	if err != nil {
		t.Fatalf("Commit(%d) = %v", seq, err)
	}
	return result
}

func alerts(t *testing.T, l *ledger.Ledger, q ledger.AlertQuery) []alert.Alert {
	t.Helper()
	all, err := l.Alerts(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func deliveries(t *testing.T, l *ledger.Ledger) []ledger.Delivery {
	t.Helper()
	all, err := l.Deliveries(t.Context(), ledger.DeliveryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// kinds is the changes of a result as one word each.
func kinds(r ledger.Result) string {
	s := ""
	for _, c := range r.Changes {
		s += fmt.Sprintf("%s %s;", c.Kind, c.Alert.Entity)
	}
	return s
}
