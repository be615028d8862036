package journal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/event"
)

// childMain is the process that is killed: it appends with several writers until then and says on its standard output what
// was acknowledged. Once in a while it commits and purges.
func childMain() bool {
	dir := os.Getenv("JOURNAL_CHILD_DIR")
	if dir == "" {
		return false
	}
	point := os.Getenv("JOURNAL_CHILD_POINT")
	after, _ := strconv.Atoi(os.Getenv("JOURNAL_CHILD_AFTER"))
	round := os.Getenv("JOURNAL_CHILD_ROUND")
	var calls atomic.Int64
	o := Options{Dir: dir, URL: os.Getenv("JOURNAL_CHILD_URL"), FreeFloor: -1, Cursors: []string{"parent", "child"}, every: 5 * time.Millisecond,
		MaxBytes: map[Class]int64{Events: 160 << 20, Flows: 64 << 20},
		Crash: func(p string) {
			if p == point && calls.Add(1) > int64(after) {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}}
	j, err := Open(context.Background(), o)
	if err != nil {
		fmt.Println("fail", err)
		return true
	}
	fmt.Println("open")
	var out sync.Mutex
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), uint64(after)))
			kind := []event.Kind{event.Log, event.Flow, event.Login, event.Log}[w]
			name := fmt.Sprintf("r%s-w%d", round, w)
			for n := 0; ; n++ {
				b := batchOf(kind, 1+rnd.IntN(400), name, n)
				if w == 3 { // fills a block of the engine soon
					b = fatOf(name, n)
				}
				p, err := j.Append(context.Background(), b)
				out.Lock()
				if err != nil {
					fmt.Println("fail", err)
				} else {
					fmt.Printf("ack %d %d %s %d\n", p.Partition, p.Sequence, name, n)
				}
				out.Unlock()
				if err != nil {
					return
				}
				if n%20 == 0 {
					_ = j.Commit("child", j.Head())
					j.nudge()
				}
			}
		})
	}
	all.Wait()
	return true
}

// A child is a running childMain and what it has said.
type child struct {
	cmd  *exec.Cmd
	acks chan ack
	fail chan string
	done chan struct{}
}

type ack struct {
	Place
	label string
}

func startChild(t *testing.T, dir, url, point string, after, round int) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0]), acks: make(chan ack, 1<<16), fail: make(chan string, 16), done: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), "JOURNAL_CHILD_DIR="+dir, "JOURNAL_CHILD_URL="+url, "JOURNAL_CHILD_POINT="+point,
		fmt.Sprint("JOURNAL_CHILD_AFTER=", after), fmt.Sprint("JOURNAL_CHILD_ROUND=", round))
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err == io.EOF || err != nil {
				return // the last line may be torn: what it said was not heard
			}
			var a ack
			var name string
			var n int
			if _, err := fmt.Sscanf(line, "ack %d %d %s %d\n", &a.Partition, &a.Sequence, &name, &n); err == nil {
				a.label = fmt.Sprintf("%s %d", name, n)
				c.acks <- a
			} else if text, failed := strings.CutPrefix(line, "fail "); failed {
				c.fail <- text
			}
		}
	}()
	return c
}

// end waits for the process, which was or will be killed, and returns all acknowledgements that were not taken yet.
func (c *child) end(t *testing.T) []ack {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(2 * time.Minute):
		_ = c.cmd.Process.Kill()
		t.Fatal("child did not die")
	}
	_ = c.cmd.Wait()
	select {
	case text := <-c.fail:
		t.Fatalf("child: %s", text)
	default:
	}
	var list []ack
	for {
		select {
		case a := <-c.acks:
			list = append(list, a)
		default:
			return list
		}
	}
}

// An auditor reads the journal between kills from its own position, as a consumer would, and compares.
type auditor struct {
	pos   event.Position
	seen  map[string]Place
	order map[string]int // last number of each writer
	purge bool           // after each audit
}

func (a *auditor) audit(t *testing.T, o Options, acked []ack) (fresh int) {
	t.Helper()
	o.Cursors = []string{"parent", "child"}
	j, err := Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open after a kill: %v", err)
	}
	defer j.Close()
	if a.pos.Epoch != "" && a.pos.Epoch != j.Epoch() {
		t.Fatalf("epoch changed from %s to %s", a.pos.Epoch, j.Epoch())
	}
	a.pos = j.Resolve(a.pos)
	if l := j.Losses(); len(l) > 0 {
		t.Fatalf("losses: %+v", l)
	}
	j.Seal()
	for _, part := range j.Partitions() {
		r := reader(t, j, a.pos, part)
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			b, err := r.Next(ctx)
			cancel()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("Next: %v", err)
			}
			if b.Sequence <= a.pos.Seq(part) {
				t.Fatalf("batch %d of partition %d came behind %d", b.Sequence, part, a.pos.Seq(part))
			}
			a.pos = a.pos.With(part, b.Sequence)
			name := label(t, b)
			if before, twice := a.seen[name]; twice {
				t.Fatalf("%s came twice: %+v and %d", name, before, b.Sequence)
			}
			a.seen[name] = Place{Partition: part, Sequence: b.Sequence}
			writer, num, _ := strings.Cut(name, " ")
			n, _ := strconv.Atoi(num)
			if want := a.order[writer]; n != want {
				t.Fatalf("%s: batch %d came when %d was next", writer, n, want)
			}
			a.order[writer] = n + 1
			fresh++
		}
		r.Close()
	}
	for _, k := range acked {
		if got, ok := a.seen[k.label]; !ok || got != k.Place {
			t.Fatalf("%s was acknowledged as %+v; found %+v (%v)", k.label, k.Place, got, ok)
		}
	}
	if err := j.Commit("parent", a.pos); err != nil {
		t.Fatal(err)
	}
	if a.purge {
		j.round(t.Context(), true)
	}
	return fresh
}

func rounds(n int) int {
	if testing.Short() {
		return max(1, n/10)
	}
	return n
}

func TestKillAtRandom(t *testing.T) { killAtRandom(t, "", rounds(40)) }

func killAtRandom(t *testing.T, url string, times int) {
	dir := t.TempDir()
	a := &auditor{seen: map[string]Place{}, order: map[string]int{}, purge: true}
	total, extra := 0, 0
	for i := range times {
		c := startChild(t, dir, url, "", i, i)
		var acked []ack
		for want := rand.IntN(300); len(acked) < want; {
			select {
			case k := <-c.acks:
				acked = append(acked, k)
			case <-c.done:
				acked = append(acked, c.end(t)...)
				t.Fatalf("child ended by itself after %d", len(acked))
			}
		}
		_ = c.cmd.Process.Kill()
		acked = append(acked, c.end(t)...)
		o := testOptions(t, dir)
		o.URL = url
		fresh := a.audit(t, o, acked)
		total, extra = total+len(acked), extra+fresh-len(acked)
	}
	t.Logf("%d kills, %d batches acknowledged, %d stored without an acknowledgement that was heard", times, total, extra)
}

func TestKillAtCrashPoints(t *testing.T) {
	for _, point := range []string{"after-publish-before-ack", "after-ack-before-return", "after-guard-before-purge", "after-purge"} {
		t.Run(point, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "j")
			a := &auditor{seen: map[string]Place{}, order: map[string]int{}}
			o := testOptions(t, dir)
			o.every = time.Hour // what there is to purge is left to the child, which waits for it
			purging := strings.Contains(point, "purge")
			if purging { // the cursor of the parent must have something behind it
				a.audit(t, o, startChild(t, dir, "", "after-publish-before-ack", 60, 99).end(t))
			}
			for i := range 3 {
				after := []int{0, 7, 40}[i]
				if purging {
					after = 0
				}
				a.audit(t, o, startChild(t, dir, "", point, after, i).end(t))
			}
		})
	}
}
