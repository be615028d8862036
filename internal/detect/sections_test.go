package detect

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

const crowdRules = `rules:
- {name: many, from: log, detect: {threshold: {metric: distinct(destination.port), by: [source.ip, destination.port], over: 1h, above: 3}}}
- {name: few, from: log, detect: {threshold: {by: [source.ip], over: 1m, at_least: 9}}}
`

// crowd is an engine whose state is many frames long, and batches that come next.
func crowd(t *testing.T) (e *Engine, next []*event.Batch) {
	t.Helper()
	e = engine(t, crowdRules)
	r := rand.New(rand.NewPCG(5, 5))
	var facts []fact
	for i := range 40_000 {
		at := 1_700_000_000*second + int64(i)*second/1000
		facts = append(facts, fact{t: at, received: at, source: "s", ip: byte(r.IntN(256)), port: r.IntN(1 << 16)})
	}
	for i := range 40 {
		b := build(event.Log, facts[i*1000:(i+1)*1000])
		b.Sequence = uint64(i + 1)
		next = append(next, b)
	}
	for _, b := range next[:30] {
		e.Apply(b)
	}
	return e, next[30:]
}

// A state of many frames is taken up again, however the bytes come.
func TestLargeSnapshot(t *testing.T) {
	e, next := crowd(t)
	data, _ := taken(t, e)
	if len(data) < 2*manyFrames {
		t.Fatalf("the snapshot has %d bytes, the test means more than %d", len(data), 2*manyFrames)
	}
	half := engine(t, crowdRules)
	if lost, err := half.Restore(iotest.HalfReader(bytes.NewReader(data))); err != nil || len(lost) > 0 {
		t.Fatalf("Restore: lost %v, %v", lost, err)
	}
	if again, _ := taken(t, half); !bytes.Equal(again, data) {
		t.Errorf("restored and taken again it has %d other bytes, not %d", len(again), len(data))
	}
	if diff := gocmp.Diff(goOn(e, next), goOn(half, next)); diff != "" {
		t.Errorf("findings (-never saved +restored):\n%s", diff)
	}
	// Frames that are whole but stand elsewhere, or stand there twice, are no snapshot either.
	frame := headSize + maxFrame + sumSize
	at := bytes.Index(data, []byte{0, 0, 2, 0}) // the first one that is full: 64 KiB, not the last
	if at < 0 || at+2*frame > len(data) {
		t.Fatal("no two full frames")
	}
	swapped := append(append(append(bytes.Clone(data[:at]), data[at+frame:at+2*frame]...), data[at:at+frame]...), data[at+2*frame:]...)
	less := append(bytes.Clone(data[:at]), data[at+frame:]...)
	twice := append(bytes.Clone(data[:at+frame]), data[at:]...)
	for what, foul := range map[string][]byte{"swapped": swapped, "less": less, "twice": twice, "cut": data[:at+frame]} {
		if _, err := half.Restore(bytes.NewReader(foul)); !errors.Is(err, ErrSnapshot) {
			t.Errorf("Restore of frames %s: got %v", what, err)
		}
	}
	broken := errors.New("broken disk")
	if _, err := half.Restore(io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(broken))); !errors.Is(err, broken) || errors.Is(err, ErrSnapshot) {
		t.Errorf("Restore from a disk that breaks: got %v", err)
	}
}

// A slow is a disk that takes nothing until it is let go.
type slow struct {
	bytes.Buffer

	asked, letGo chan struct{}
}

func (s *slow) Write(p []byte) (int, error) {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	<-s.letGo
	return s.Buffer.Write(p)
}

// While a disk keeps a snapshot waiting, whoever asks is answered and rules can be changed. What would change the state waits.
func TestSnapshotToASlowDisk(t *testing.T) {
	e, next := crowd(t)
	want, _ := taken(t, e)
	disk := &slow{asked: make(chan struct{}, 1), letGo: make(chan struct{})}
	saved, applied := make(chan error, 1), make(chan []alert.Finding, 1)
	go func() {
		_, err := e.Snapshot(disk)
		saved <- err
	}()
	<-disk.asked
	go func() { applied <- e.Apply(next[0]).Findings }()
	if status := e.Rules(); len(status) != 2 || status[0].Stats.Entities == 0 {
		t.Errorf("Rules: got %+v", status)
	}
	if at := e.Position(); at.Seq(0) != 30 {
		t.Errorf("Position: got %v, want 30", at)
	}
	for range 5 {
		if accounts := e.Explain(next[0], 3, map[int64]bool{1: true}); len(accounts) != 1 {
			t.Errorf("Explain: got %+v", accounts)
		}
	}
	if err := e.SetRules(rules(t, crowdRules)[1:]); err != nil {
		t.Error(err)
	}
	close(disk.letGo)
	if err := <-saved; err != nil {
		t.Fatal(err)
	}
	<-applied
	if !bytes.Equal(disk.Bytes(), want) {
		t.Errorf("the snapshot has %d bytes, want %d as they were before", disk.Len(), len(want))
	}
	if at := e.Position(); at.Seq(0) != 31 {
		t.Errorf("Position: got %v, want 31 after the batch that waited", at)
	}
}

// A disk that takes no more ends a snapshot, and the engine goes on.
func TestSnapshotToAFullDisk(t *testing.T) {
	e, next := crowd(t)
	want, _ := taken(t, e)
	full := errors.New("no space left on device")
	for _, room := range []int{0, 1, manyFrames - 1, manyFrames, len(want) - 1} {
		if _, err := e.Snapshot(&limited{room: room, err: full}); !errors.Is(err, full) {
			t.Errorf("Snapshot with room for %d bytes: got %v", room, err)
		}
	}
	if again, _ := taken(t, e); !bytes.Equal(again, want) {
		t.Error("the state is another one afterwards")
	}
	if out := e.Apply(next[0]); out.Position.Seq(0) != 31 {
		t.Errorf("Apply: got %v", out.Position)
	}
}

type limited struct {
	room int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.room -= len(p); l.room < 0 {
		return 0, l.err
	}
	return len(p), nil
}

// A draft takes the place of the file at once or not at all; what a killed process left goes.
func TestDraft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a [b] state")
	content := func() string {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return string(text)
	}
	begin := func(text string) *Draft {
		d, err := NewDraft(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Write([]byte(text)); err != nil || d.Size() != int64(len(text)) {
			t.Fatalf("Write: %v, size %d", err, d.Size())
		}
		return d
	}
	if err := begin("first, which is longer").Drop(); err != nil || content() != "" {
		t.Errorf("Drop: %v, the file has %q", err, content())
	}
	d := begin("second")
	if err := errors.Join(d.Sync(), d.Publish()); err != nil || content() != "second" {
		t.Errorf("Publish: %v, the file has %q", err, content())
	}
	begin("third, left behind") // as by a process that is killed
	old := path + ".new-123"    // as earlier versions named them
	if err := errors.Join(os.WriteFile(old, nil, 0o600), os.WriteFile(path+".old", nil, 0o600), DropDrafts(path)); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 2 || content() != "second" {
		t.Errorf("left are %v, the file has %q; %v", left, content(), err)
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(path), "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(filepath.Dir(path), "dir")
	if err := begin("in place of a directory").Publish(); err == nil {
		t.Error("Publish in place of a directory: got no error")
	}
	if err := DropDrafts(filepath.Join(path, "no", "such")); err == nil {
		t.Error("DropDrafts where nothing is: got no error")
	}
}
