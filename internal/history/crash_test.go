package history

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/leaktest"
)

// crashEnv makes the test binary a child that works on a store until it kills itself: "point|count|dir".
const crashEnv = "TOCSIN_HISTORY_CRASH"

func TestMain(m *testing.M) {
	if spec := os.Getenv(crashEnv); spec != "" {
		crashChild(spec)
	}
	os.Exit(leaktest.Run(m))
}

// crashBatch is the batch of a sequence, the same in the child and in the test.
func crashBatch(seq uint64) *event.Batch {
	rng := rand.New(rand.NewPCG(seq, 99))
	return someBatch(rng, event.Kinds()[seq%3], seq, 20+rng.IntN(50), 1e9)
}

// crashChild applies, flushes and merges for ever, prints each position that is durable, and kills itself at the count-th
// passing of a point. An empty point waits to be killed from outside. A point behind "clear:" or "delete:" is one of a deletion.
func crashChild(spec string) {
	parts := strings.SplitN(spec, "|", 3)
	count, err := strconv.Atoi(parts[1])
	if err != nil {
		panic(err)
	}
	deletion, point, deletes := strings.Cut(parts[0], ":")
	if !deletes {
		point = parts[0]
	}
	s, err := Open(context.Background(), Options{Dir: parts[2], Rollups: century, Crash: func(at string) {
		if at != point {
			return
		}
		if count--; count == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
	if err != nil {
		fmt.Println("open", err)
		os.Exit(3)
	}
	if deletes {
		if deletion == "clear" {
			_, err = s.Clear(context.Background())
		} else {
			_, err = s.DeleteBefore(context.Background(), day)
		}
		fmt.Println("deleted", err)
		os.Exit(3)
	}
	for seq := s.Applied().Seq(0) + 1; ; seq++ {
		if err := s.Apply(epoch, crashBatch(seq)); err != nil {
			fmt.Println("apply", err)
			os.Exit(3)
		}
		if seq%3 != 0 {
			continue
		}
		if err := s.Flush(context.Background()); err != nil {
			fmt.Println("flush", err)
			os.Exit(3)
		}
		fmt.Println("durable", s.Applied().Seq(0))
		if err := s.Merge(context.Background()); err != nil {
			fmt.Println("merge", err)
			os.Exit(3)
		}
		if err := s.Roll(context.Background(), time.Now().Add(time.Hour)); err != nil {
			fmt.Println("roll", err)
			os.Exit(3)
		}
	}
}

// runChild runs the child until it dies and returns the last position that it called durable.
func runChild(t *testing.T, point string, count int, dir string, killAfter int) (durable uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d|%s", crashEnv, point, count, dir))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	lines := 0
	for in := bufio.NewScanner(out); in.Scan(); {
		word, rest, _ := strings.Cut(in.Text(), " ")
		if word != "durable" {
			t.Fatalf("child at %s: %s", point, in.Text())
		}
		if durable, err = strconv.ParseUint(rest, 10, 64); err != nil {
			t.Fatal(err)
		}
		if lines++; lines == killAfter {
			_ = cmd.Process.Kill()
		}
	}
	err = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("child at %s ended with %v, want it killed", point, err)
	}
	return durable
}

// afterCrash opens what a killed child left, replays from the position it finds, and wants every event once.
func afterCrash(t *testing.T, what, dir string, durable uint64) {
	t.Helper()
	s, err := Open(context.Background(), Options{Dir: dir, Rollups: century})
	if err != nil {
		t.Fatalf("%s: Open: %v", what, err)
	}
	defer func() { _ = s.Close() }()
	found := s.Applied().Seq(0)
	if found < durable {
		t.Errorf("%s: applied up to %d, but %d was called durable", what, found, durable)
	}
	if q := s.Stats().Quarantined; len(q) > 0 {
		t.Errorf("%s: %+v was set aside", what, q)
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	var want []seen
	for seq := uint64(1); seq <= found; seq++ {
		want = append(want, model(crashBatch(seq))...)
	}
	mustSame(t, what+": found", texts(orderedAll(t, s, Query{})), texts(inOrder(want)))
	rolledSame(t, what+": found", s)
	for seq := uint64(1); seq <= found+2; seq++ {
		apply(t, s, crashBatch(seq))
		if seq > found {
			want = append(want, model(crashBatch(seq))...)
		}
	}
	rolledSame(t, what+": replayed", s)
	if err := s.Roll(context.Background(), time.Now().Add(time.Hour)); err != nil {
		t.Errorf("%s: Roll: %v", what, err)
	}
	rolledSame(t, what+": rolled up", s)
	mustSame(t, what+": replayed", texts(orderedAll(t, s, Query{})), texts(inOrder(want)))
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if strings.HasSuffix(f, ".tmp") {
			t.Errorf("%s: %s was left over", what, f)
		}
	}
}

// Killed at each named point, three times each, and at other moments, the store comes back with every event that was called
// durable, each once, and replay adds exactly what was missing.
func TestKilledAnywhere(t *testing.T) {
	points := []string{"during-segment", "after-rename-before-manifest", "after-manifest-before-copy", "after-merge-before-manifest", "after-merge-before-unlink", "after-rollup-before-manifest", "after-day-before-manifest"}
	for _, point := range points {
		for count := 1; count <= 3; count++ {
			t.Run(fmt.Sprintf("%s-%d", point, count), func(t *testing.T) {
				dir := t.TempDir()
				for round := range 2 { // the second child goes on where the first one died
					afterCrash(t, fmt.Sprintf("round %d", round), dir, runChild(t, point, count, dir, -1))
				}
			})
		}
	}
	for i := range 6 {
		t.Run(fmt.Sprintf("any-moment-%d", i), func(t *testing.T) {
			dir := t.TempDir()
			afterCrash(t, "killed", dir, runChild(t, "none", 1, dir, 3+5*i))
		})
	}
}
