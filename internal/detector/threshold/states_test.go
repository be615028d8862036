package threshold

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// halfway makes the detector of which testdata/states holds what every version of Save made of it: it has judged a part of
// what it was shown. It returns what it found so far and the batches that are still to come.
func halfway(t *testing.T, version string) (config *Config, d detector.Detector, next []*event.Batch) {
	t.Helper()
	var shown *event.Batch
	var rows []int32
	if version < "v3" {
		config = &Config{Metric: "count", By: []string{"source.ip"}, Over: time.Minute, AtLeast: num(4), Memory: 64}
		events := detectortest.Draw(rand.New(rand.NewPCG(7, 7)), 300)
		shown, next = detectortest.Batch(events[:200]), []*event.Batch{detectortest.Batch(events[200:])}
		rows = detectortest.AllRows(shown)
	} else if strings.HasSuffix(version, "flows") {
		config = &Config{Metric: "sum(flow.sent.bytes)", By: []string{"flow.host"}, Over: time.Minute, Above: num(4000), Memory: 64}
		records := drawFlows(rand.New(rand.NewPCG(3, 3)), 400)
		shown, next = flowBatch(records[:300]), []*event.Batch{flowBatch(records[300:])}
		rows = detectortest.AllRows(shown)
	} else {
		config = quietConfig()
		config.Over, config.Below = 5*time.Minute, num(300)
		list := drawSayings(rand.New(rand.NewPCG(2, 77)))
		shown, rows = sayings(list[:100])
		b, _ := sayings(list[100:])
		next = []*event.Batch{b}
	}
	d, err := config.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Fold(shown, rows)
	d.Early()
	first, last := shown.TimeRange()
	d.Judge(event.Watermark(first + (last-first)/2))
	return config, d, next
}

// goOn shows the rest and returns what is found in it.
func goOn(d detector.Detector, next []*event.Batch) (found []alert.Finding) {
	for _, b := range next {
		rows := detectortest.AllRows(b)
		if source := b.Column(event.SourceIP); b.Kind == event.Flow {
			rows = slices.DeleteFunc(rows, func(row int32) bool {
				v, _ := source.Value(int(row))
				return source.IPs[v][15] >= outOf
			})
		}
		d.Fold(b, rows)
		found = append(found, d.Early()...)
		_, last := b.TimeRange()
		found = append(found, d.Judge(event.Watermark(last+3600*sec))...)
	}
	for i := range found {
		found[i].Samples = nil // which are of the rows at hand
	}
	return found
}

// A state that an earlier version saved is loaded, and goes on as if it had never been away. A new version adds a file; none is
// ever written anew.
func TestStatesOfEarlierVersions(t *testing.T) {
	for _, version := range []string{"v1", "v2", "v3", "v3-flows", "v4", "v4-flows", "v5", "v5-flows"} {
		t.Run(version, func(t *testing.T) {
			config, d, next := halfway(t, version)
			path := filepath.Join("testdata", "states", version)
			state, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) && os.Getenv("WRITE_STATE") == version {
				var s bytes.Buffer
				if err := errors.Join(d.Save(&s), os.WriteFile(path, s.Bytes(), 0o600)); err != nil {
					t.Fatal(err)
				}
				state = s.Bytes()
			} else if err != nil {
				t.Fatal(err)
			}
			loaded, err := config.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := loaded.Load(bytes.NewReader(state)); err != nil {
				t.Fatal(err)
			}
			want, got := goOn(d, next), goOn(loaded, next)
			if diff := gocmp.Diff(want, got); diff != "" || len(want) < 3 {
				t.Errorf("%d findings (-never saved +loaded):\n%s", len(want), diff)
			}
		})
	}
}

// FuzzFlowState loads whatever bytes into rules by views, and rules that know exporters, and lets them go on.
func FuzzFlowState(f *testing.F) {
	quiet := quietConfig()
	draw := func(r *rand.Rand, c detector.Config, n int) *event.Batch {
		if c == quiet {
			b, _ := sayings(drawSayings(r)[:n/4])
			return b
		}
		return flowBatch(drawFlows(r, n))
	}
	detectortest.FuzzLoadOf(f, draw,
		&Config{Metric: "sum(flow.sent.bytes)", By: []string{"flow.host"}, Over: time.Minute, Above: num(2000), Memory: 64},
		&Config{Metric: "distinct(flow.initiated)", By: []string{"flow.host"}, Over: time.Minute, Above: num(3), Memory: 64},
		&Config{Metric: "count", By: []string{"flow.pair"}, Over: 20 * time.Second, AtLeast: num(3), Memory: 64},
		quiet)
}
