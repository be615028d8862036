package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sampleGuard() *guard {
	g := newGuard()
	g.Partitions[0] = &partitionGuard{Reserved: 70000, Jumps: []jump{{Prev: 4, First: 70001}},
		Generations: []*generation{{Number: 1, Stream: "a", Last: 4, LastSeq: 2, Purged: 1, PurgedSeq: 1}, {Number: 2, Stream: "b"}}}
	g.Cursors["history"] = map[uint16]uint64{0: 3}
	g.Losses = []Loss{{Partition: 0, From: 5, To: 9, Stream: "a", Reason: "gone"}}
	return g
}

func TestGuardKeepsAll(t *testing.T) {
	dir := t.TempDir()
	if g, err := readGuard(dir); g != nil || err != nil {
		t.Fatalf("guard of an empty directory: %v, %v", g, err)
	}
	g := sampleGuard()
	if err := g.write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := readGuard(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(g, got, cmp.AllowUnexported(generation{})); d != "" {
		t.Error(d)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*tmp*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestGuardNoticesDamage(t *testing.T) {
	text, err := sampleGuard().encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		foul := bytes.Clone(text)
		foul[i] ^= 0x10
		if _, err := decodeGuard(foul); !errors.Is(err, errGuardDamaged) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := decodeGuard(text[:i]); !errors.Is(err, errGuardDamaged) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	newer := sampleGuard()
	newer.Format = guardFormat + 1
	if text, err = newer.encode(); err != nil {
		t.Fatal(err)
	}
	if _, err := decodeGuard(text); err == nil || errors.Is(err, errGuardDamaged) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("newer format: %v", err)
	}
}

func TestAckedTakesTheNewestWholeSlot(t *testing.T) {
	dir := t.TempDir()
	f, err := openAcked(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	epoch := [8]byte{1}
	for n := range uint64(5) {
		if err := f.write(Flows, n, &acked{epoch: epoch, generation: 2, partition: 1, last: 10 * n, seq: n}); err != nil {
			t.Fatal(err)
		}
	}
	if s, ok := f.read(Flows, epoch, 2, 1); !ok || s.last != 40 || s.seq != 4 {
		t.Errorf("newest slot: %+v, %v", s, ok)
	}
	if _, ok := f.read(Flows, epoch, 1, 1); ok {
		t.Error("slot of another generation was taken")
	}
	if _, ok := f.read(Events, epoch, 2, 1); ok {
		t.Error("slot of another class was taken")
	}
	raw, err := os.OpenFile(filepath.Join(dir, ackedName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.WriteAt([]byte{0xee}, 2*slotBytes+30); err != nil { // where 40 was written
		t.Fatal(err)
	}
	if s, ok := f.read(Flows, epoch, 2, 1); !ok || s.last != 30 {
		t.Errorf("with the newest slot torn: %+v, %v", s, ok)
	}
}

func TestNumbersAreNotReusedAfterAnUncleanEnd(t *testing.T) {
	dir := t.TempDir()
	a := &auditor{seen: map[string]Place{}, order: map[string]int{}}
	a.audit(t, testOptions(t, dir), startChild(t, dir, "", "after-publish-before-ack", 5, 0).end(t))
	g, err := readGuard(dir)
	if err != nil {
		t.Fatal(err)
	}
	// As if the disk had lost the clean end: numbers up to the reserved one may be in use.
	g.Clean = false
	if err := g.write(dir); err != nil {
		t.Fatal(err)
	}
	j := opened(t, testOptions(t, dir))
	before := j.Head().Seq(0)
	p := appendOne(t, j, batchOf(1, 1, "n", 0))
	if p.Sequence != g.Partitions[0].Reserved+1 {
		t.Errorf("after an unclean end batch %d came behind %d, reserved were %d", p.Sequence, before, g.Partitions[0].Reserved)
	}
	if len(j.Losses()) != 0 {
		t.Errorf("losses: %+v", j.Losses())
	}
}
