package files_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/source"
	"tocsin/internal/source/files"
)

// joined chooses a parser whose records begin with an exclamation mark.
func joined(wait time.Duration) func([][]byte) (files.Choice, error) {
	return func([][]byte) (files.Choice, error) {
		return files.Choice{Parser: raw{}, Format: "raw", Kind: event.Log, Settings: parser.Options{Multiline: parser.Multiline{Start: "^!", Wait: wait}}}, nil
	}
}

// A record that is written in pieces, over rotations of all kinds, with the reader stopped and started in the middle, comes
// whole and once.
func TestRecordsOfSeveralLines(t *testing.T) {
	for _, rotate := range []string{"rename", "truncate"} {
		t.Run(rotate, func(t *testing.T) {
			r := newRig(t)
			begin := func() {
				r.start(files.Options{Paths: []string{"app.log"}, Choose: joined(time.Hour), Linger: 200 * time.Millisecond})
			}
			r.write("app.log", "!first\n\tat a\n!second\n")
			begin()
			r.lines("!first\n\tat a")
			// Nothing of the open record is durable: who starts again reads it from its beginning.
			r.stop()
			r.journal.crash()
			r.write("app.log", "\tat b\n")
			begin()
			// A rotation ends the open record, to which its writer adds until he notices.
			if rotate == "rename" {
				held, renamed := make(chan struct{}), make(chan struct{})
				r.journal.mu.Lock()
				r.journal.commit = func() bool { // of the second record
					close(held)
					<-renamed
					r.journal.commit = nil
					return true
				}
				r.journal.mu.Unlock()
				r.write("app.log", "\tat c\n!third\n")
				<-held
				r.must(os.Rename(r.path("app.log"), r.path("app.log.1")))
				r.write("app.log.1", "\tat d\n")
				close(renamed)
				r.lines("!first\n\tat a", "!second\n\tat b\n\tat c")
			} else {
				r.write("app.log", "\tat c\n!third\n\tat d\n")
				r.lines("!first\n\tat a", "!second\n\tat b\n\tat c")
				r.await("the last line to be read", func() bool { return r.metric("tocsin_files_lines_total") >= 5 })
				r.must(os.Truncate(r.path("app.log"), 0))
			}
			r.write("app.log", "!fourth\n!fifth\n")
			r.lines("!first\n\tat a", "!second\n\tat b\n\tat c", "!third\n\tat d", "!fourth")
			r.stop()
		})
	}
}

// The last record of a file is whole when nothing came for some time, and not before.
func TestLastRecordIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		if err := os.WriteFile(path, []byte("!a\n b\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		records := make(chan source.Record, 10)
		s, err := files.New(files.Options{
			Name: "test", Paths: []string{path}, Choose: joined(5 * time.Second), Log: slog.New(slog.DiscardHandler),
			Resume: func(string) (int64, bool) { return 0, false },
		})
		if err != nil {
			t.Fatal(err)
		}
		tail := files.Probe(s, func(_ *source.Stream, r ...source.Record) { // one look a second, as Run does
			for _, one := range r {
				records <- one
			}
		})
		defer tail.Close()
		for len(records) == 0 {
			if time.Since(began) > time.Minute {
				t.Fatal("the record never comes")
			}
			if err := tail.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		r := <-records
		if string(r.Data) != "!a\n b" || r.From != 0 || r.To != 6 || r.Lines != 2 {
			t.Errorf("the record is %+v", r)
		}
		if waited := time.Since(began); waited < 5*time.Second || waited > 8*time.Second {
			t.Errorf("it came after %v, want after 5 s and the next look", waited)
		}
	})
}

// However often the reader is killed, each record comes once and whole.
func TestRecordsUnderKills(t *testing.T) {
	r := newRig(t)
	rng, commits := rand.New(rand.NewPCG(3, 5)), rand.New(rand.NewPCG(3, 6))
	r.journal.commit = func() bool { return commits.IntN(3) == 0 }
	var want []string
	for n := range 60 {
		r.start(files.Options{Paths: []string{"app.log"}, Choose: joined(time.Hour), Poll: time.Millisecond})
		record := fmt.Sprintf("!%d", n)
		r.write("app.log", record+"\n")
		for k := range rng.IntN(4) {
			if rng.IntN(3) == 0 {
				r.stop()
				r.journal.crash()
				r.start(files.Options{Paths: []string{"app.log"}, Choose: joined(time.Hour), Poll: time.Millisecond})
			}
			line := fmt.Sprintf(" more %d", k)
			record += "\n" + line
			r.write("app.log", line+"\n")
		}
		want = append(want, record)
		if rng.IntN(2) == 0 {
			r.await("all but the open record", func() bool { return r.journal.taken(want[:len(want)-1]) })
		}
		r.stop()
		r.journal.crash()
	}
	r.journal.commit = nil
	r.start(files.Options{Paths: []string{"app.log"}, Choose: joined(10 * time.Millisecond), Poll: time.Millisecond})
	r.lines(want...)
	r.stop()
	r.lines(want...)
}
