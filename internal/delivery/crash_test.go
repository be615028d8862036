package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/delivery"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// crashDir names, in the environment, the directory of a process that is to die between sending and noting that it did.
const crashDir = "DELIVERY_TEST_CRASH_DIR"

// crashPoint names the point at which it is to die.
const crashPoint = "DELIVERY_TEST_CRASH_POINT"

// book notes in a file what was sent.
type book struct{ path string }

func (b book) Send(_ context.Context, n notifier.Notice) (string, error) {
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(n.Key + "\n")
	return "ok", errors.Join(err, f.Close())
}

// crashChild is the process that dies.
func crashChild() bool {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return false
	}
	l, err := ledger.Open("", dir)
	if err != nil {
		panic(err)
	}
	channels := []delivery.Channel{{Name: "page", Notifier: book{filepath.Join(dir, "sent")}}}
	die := func(point string) {
		if point == os.Getenv(crashPoint) {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				panic(err)
			}
			select {} // until it arrives
		}
	}
	s := delivery.New(l, channels, delivery.Options{Workers: 1, Point: die}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err := s.Run(context.Background()); err != nil {
		panic(err)
	}
	return true
}

// TestKilledAfterSend: a process that is killed after sending and before the outbox says so makes a repeat with the same
// key, and loses nothing.
func TestKilledAfterSend(t *testing.T) {
	dir := t.TempDir()
	sent := filepath.Join(dir, "sent")
	channels := []delivery.Channel{{Name: "page", Notifier: book{sent}}}
	l := open(t, dir)
	defer l.Close()
	raise(t, l, 1, channels, "a", "b", "c")
	for i := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^$") // ourselves
		cmd.Env = append(os.Environ(), crashDir+"="+dir, crashPoint+"="+delivery.AfterSend)
		output, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() { //nolint:forcetypeassert // on unix it is
			t.Fatalf("process %d ended with %v, want it killed:\n%s", i, err, output)
		}
	}
	p := start(t, l, channels, delivery.Options{})
	for notSent := true; notSent; {
		counts, err := l.OutboxCounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		notSent = counts[ledger.Sent] < 3
	}
	p.end()
	text, err := os.ReadFile(sent)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for key := range strings.FieldsSeq(string(text)) {
		counts[key]++
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	if len(counts) != 3 || total != 6 {
		t.Errorf("sent %v, want each of 3 keys, and a repeat for each kill", counts)
	}
}

// TestKilledAfterBundle: a process that is killed when a summary is made and not sent yet sends it when it is back, once, and makes
// no other.
func TestKilledAfterBundle(t *testing.T) {
	dir := t.TempDir()
	sent := filepath.Join(dir, "sent")
	channels := []delivery.Channel{{Name: "page", Notifier: book{sent}}}
	l := open(t, dir)
	defer l.Close()
	for i := range 3 {
		routed(t, l, i+1, func(ledger.Change) []ledger.Target {
			return []ledger.Target{{Channel: "page", Hold: ledger.Late, Due: time.Now()}}
		}, fmt.Sprint(i, "a"), fmt.Sprint(i, "b"))
		cmd := exec.Command(os.Args[0], "-test.run=^$") // ourselves
		cmd.Env = append(os.Environ(), crashDir+"="+dir, crashPoint+"="+delivery.AfterBundle)
		output, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() { //nolint:forcetypeassert // on unix it is
			t.Fatalf("process %d ended with %v, want it killed:\n%s", i, err, output)
		}
	}
	p := start(t, l, channels, delivery.Options{})
	for notSent := true; notSent; {
		counts, err := l.OutboxCounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if notSent = counts[ledger.Sent] < 3; !notSent && (counts[ledger.Bundled] != 6 || counts[ledger.Held] != 0) {
			t.Errorf("outbox: %v", counts)
		}
	}
	p.end()
	text, err := os.ReadFile(sent)
	if err != nil {
		t.Fatal(err)
	}
	if keys := strings.Fields(string(text)); len(keys) < 3 || len(keys) > 6 {
		t.Errorf("sent %v, want each of 3 summaries, and a repeat for a kill at most", keys)
	}
}
