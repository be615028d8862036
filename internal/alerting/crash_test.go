package alerting_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/leaktest"
	"tocsin/internal/ledger"
)

// Variables of a process that is to die: its data directory, and at which commit of its own, counted from 1; below 0 after
// so many microseconds instead.
const (
	crashDir = "ALERTING_TEST_CRASH_DIR"
	crashAt  = "ALERTING_TEST_CRASH_AT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir)
		return
	}
	os.Exit(leaktest.Run(m))
}

func crashOutputs() []alerting.Judged { return makeOutputs(rand.New(rand.NewPCG(7, 7)), 400) }

// crashChild judges from where the ledger is, and a little before, until it is killed or done.
func crashChild(dir string) {
	at, err := strconv.Atoi(os.Getenv(crashAt))
	if err != nil {
		panic(err)
	}
	die := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			panic(err)
		}
		select {} // until it arrives
	}
	if at < 0 {
		time.AfterFunc(time.Duration(-at)*time.Microsecond, die)
	}
	l, err := ledger.Open("", dir)
	if err != nil {
		panic(err)
	}
	commits := 0
	s := alerting.New(l, rules{}, page, lively(alerting.Options{Every: 5 * time.Millisecond, Point: func(point string) {
		if commits++; point == alerting.AfterLedger && commits == at {
			die()
		}
	}}), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, stop := context.WithCancel(context.Background())
	position, err := s.Start(ctx)
	if err != nil {
		panic(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	from := max(0, int(position.Seq(0))-3) //nolint:gosec // small
	for _, j := range crashOutputs()[from:] {
		if err := s.Take(ctx, j); err != nil {
			panic(err)
		}
		<-time.After(200 * time.Microsecond) // as batches come
	}
	if err := s.Flush(ctx); err != nil {
		panic(err)
	}
	stop()
	if err := errors.Join(<-done, l.Close()); err != nil {
		panic(err)
	}
}

// killed runs a process and reports whether it was killed, or else did all its work.
func killed(t *testing.T, dir string, at int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$") // ourselves
	cmd.Env = append(os.Environ(), crashDir+"="+dir, crashAt+"="+strconv.Itoa(at))
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err == nil {
		return false
	}
	if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() { //nolint:forcetypeassert // on unix it is
		t.Fatalf("process ended with %v:\n%s", err, output)
	}
	return true
}

// TestKilled: killed right after a commit and at random moments, the process leaves the rows of an undisturbed run, and one
// notice for each change. Where the disk is slow a few commits take in all there is: then a process with an empty ledger goes on.
func TestKilled(t *testing.T) {
	clean := t.TempDir()
	killed(t, clean, 0)
	want, told := rowsIn(t, clean)
	if told == 0 {
		t.Fatal("an undisturbed run tells nothing")
	}
	for kills := 0; kills < 12; {
		hurt := t.TempDir()
		for i := 0; kills < 12; i++ {
			at := 1 + i%4
			if i%2 == 1 {
				at = -20_000 - rand.IntN(60_000)
			}
			if !killed(t, hurt, at) {
				break
			}
			kills++
		}
		killed(t, hurt, 0)
		rows, notices := rowsIn(t, hurt)
		if diff := gocmp.Diff(want, rows); diff != "" {
			t.Errorf("rows differ from those of an undisturbed run (-want +got):\n%s", diff)
		}
		if notices != told {
			t.Errorf("%d notices, want %d", notices, told)
		}
	}
}

// rowsIn returns what the ledger in a directory has: its alerts, and how many notices.
func rowsIn(t *testing.T, dir string) (rows []alert.Alert, notices int) {
	t.Helper()
	l := open(t, dir)
	defer l.Close()
	all, err := l.Deliveries(t.Context(), ledger.DeliveryQuery{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	return comparableRows(alerts(t, l)), len(all)
}
