package history

import (
	"context"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// FuzzSegment reads any bytes as a segment whose checksums the manifest confirms: no panic, and no more rows than it says.
func FuzzSegment(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "v1", "*"+segmentSuffix))
	if err != nil || len(files) == 0 {
		f.Fatal("no golden segments", err)
	}
	m, _, _, err := loadManifest(filepath.Join("testdata", "golden", "v1"))
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range m.Segments {
		data, err := os.ReadFile(filepath.Join("testdata", "golden", "v1", e.File))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, e.Tail, uint8(e.Kind))
	}
	where, err := filter.Parse(`message contains "took" || user.name == "user3" || labels.k1 == "v"`)
	if err != nil {
		f.Fatal(err)
	}
	exact, err := filter.Parse(`source.ip == "10.0.0.7" && message contains "request"`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, tail int64, kind uint8) {
		seg := &segment{path: filepath.Join(t.TempDir(), "x"+segmentSuffix)}
		if err := os.WriteFile(seg.path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		seg.Kind, seg.Bytes, seg.Tail = event.Kind(kind), int64(len(data)), tail
		if tail >= 0 && tail <= seg.Bytes {
			seg.TailSum = crc32.Checksum(data[tail:], castagnoli())
		}
		ft, file, err := seg.open()
		if err != nil {
			return
		}
		defer seg.retire(false)
		defer seg.release()
		r, err := newReader()
		if err != nil {
			t.Fatal(err)
		}
		r.at(file)
		for _, q := range []Query{{All: true}, {Where: where, All: true}, {Where: exact, Since: day, Until: day + 1e9}} {
			p := newPlan(q)
			for _, g := range ft.groups {
				spans, err := p.spans(r, g)
				if err != nil {
					continue
				}
				for _, sp := range spans {
					b, rows, err := p.read(r, seg.Kind, g, sp, filter.Compile(q.Where), nil)
					if err != nil || b == nil {
						continue
					}
					if b.Rows > g.rows || len(rows) > b.Rows {
						t.Errorf("%d of %d rows from a group of %d", len(rows), b.Rows, g.rows)
					}
					for _, row := range rows {
						b.AppendJSON(nil, int(row))
					}
				}
			}
		}
	})
}

// FuzzManifest reads any bytes as a manifest, and what it takes for one it writes as it was.
func FuzzManifest(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "golden", "v1", manifestFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeManifest(data)
		if err != nil {
			return
		}
		again, err := m.encode()
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if _, err := decodeManifest(again); err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
	})
}

// A store whose every segment is foul opens, and answers nothing.
func TestNothingButFoulSegments(t *testing.T) {
	dir, _, _ := twoSegments(t)
	s := open(t, Options{Dir: dir})
	for _, f := range segmentFiles(t, s) {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, make([]byte, info.Size()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // one is found at a time
		_ = s.Scan(context.Background(), Query{All: true}, func(*event.Batch, []int32) error { return nil })
	}
	if got := scanAll(t, s, Query{}); len(got) != 0 || len(s.Stats().Quarantined) != 2 {
		t.Errorf("%d events and %d segments set aside, want 0 and 2", len(got), len(s.Stats().Quarantined))
	}
}
