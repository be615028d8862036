package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tocsin/internal/event"
)

var update = flag.Bool("update", false, "rewrite golden files")

// goldenMessage is a message of two batches, as a journal would write it.
func goldenMessage(t testing.TB) (header, []byte) {
	t.Helper()
	h := header{epoch: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, generation: 3, partition: 1, count: 2, first: 1 << 33, prev: 77}
	msg := h.append(nil)
	var scratch []byte
	var err error
	for n, kind := range []event.Kind{event.Flow, event.Flow} {
		if msg, scratch, err = appendFrame(msg, scratch, batchOf(kind, 3, "golden", n)); err != nil {
			t.Fatal(err)
		}
	}
	seal(msg)
	return h, msg
}

func TestGoldenMessage(t *testing.T) {
	h, msg := goldenMessage(t)
	path := filepath.Join("testdata", "message-v1.bin")
	if *update {
		if err := os.WriteFile(path, msg, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, rest, err := parseHeader(golden)
	if err != nil || got != h {
		t.Fatalf("header of the golden message: %+v, %v, want %+v", got, err, h)
	}
	list, err := frames(&got, rest)
	if err != nil || len(list) != 2 {
		t.Fatalf("frames of the golden message: %d, %v", len(list), err)
	}
	for n, f := range list {
		b, err := f.batch()
		if err != nil {
			t.Fatal(err)
		}
		if name := label(t, b); name != want("golden", n, n+1)[0] || b.Rows != 3 {
			t.Errorf("batch %d is %q", n, name)
		}
		if !slices.Equal(f.sources, b.Sources) || len(f.sources) != 1 || f.sources[0].From != int64(n)*100 {
			t.Errorf("batch %d: sources %+v in the frame, %+v in the batch", n, f.sources, b.Sources)
		}
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	_, msg := goldenMessage(t)
	for i := range msg {
		for bit := range 8 {
			foul := bytes.Clone(msg)
			foul[i] ^= 1 << bit
			if _, _, err := parseHeader(foul); !errors.Is(err, errForeign) {
				t.Fatalf("bit %d of byte %d flipped: %v", bit, i, err)
			}
		}
	}
	for n := range msg {
		if _, _, err := parseHeader(msg[:n]); !errors.Is(err, errForeign) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// FuzzMessage reads foreign bytes under a right checksum: no panic, and no memory beyond what lengths allow.
func FuzzMessage(f *testing.F) {
	_, msg := goldenMessage(f)
	f.Add(msg[8:])
	f.Add(msg[8:60])
	f.Fuzz(func(t *testing.T, text []byte) {
		msg := append([]byte(messageMagic+"\x00\x00\x00\x00"), text...)
		if len(msg) >= messageHeader {
			seal(msg)
		}
		h, rest, err := parseHeader(msg)
		if err != nil {
			if !errors.Is(err, errForeign) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		list, err := frames(&h, rest)
		if err != nil {
			return
		}
		for _, f := range list {
			if f.raw > 1<<20 {
				return // the bound is checked by length; this only costs time
			}
			if b, err := f.batch(); err == nil && (b.Rows != f.rows || b.Kind != f.kind) {
				t.Fatalf("batch of %d rows in a frame of %d", b.Rows, f.rows)
			}
		}
	})
}

func TestFrameThatLiesAboutItsLength(t *testing.T) {
	f := frame{kind: event.Log, rows: 1, raw: 10, block: binary.AppendUvarint(nil, 1<<40)}
	if _, err := f.batch(); !errors.Is(err, errForeign) {
		t.Errorf("block that claims 1 TB: %v", err)
	}
}
