package detect

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
)

// broken is a detector that panics when it meets the port 666.
type broken struct{}

func (*broken) Validate() error                        { return nil }
func (*broken) Reads() ([]event.FieldID, bool)         { return nil, false }
func (b *broken) New(fs.FS) (detector.Detector, error) { return b, nil }
func (*broken) Early() []alert.Finding                 { return nil }
func (*broken) Judge(event.Watermark) []alert.Finding  { return nil }
func (*broken) Merge(detector.Detector) error          { return nil }
func (*broken) Save(io.Writer) error                   { return nil }
func (*broken) Load(io.Reader) error                   { return nil }
func (*broken) Stats() detector.Stats                  { return detector.Stats{} }
func (*broken) Explain(*event.Batch, int32, int64) detector.Explanation {
	panic("it cannot say either")
}
func (*broken) Fold(b *event.Batch, rows []int32) {
	for _, row := range rows {
		if b.Column(event.DestinationPort).Int(int(row)) == 666 {
			panic("the number of the beast")
		}
	}
}

func TestPanicIsKeptApart(t *testing.T) {
	all := rules(t, `rules:
- {name: bad, from: log, detect: broken}
- {name: fine, from: log, detect: {threshold: {at_least: 3, by: [source.ip]}}}
`)
	e, err := New(Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	var got []alert.Finding
	for i := range int64(5) {
		at := 1_700_000_000*second + i*second
		b := build(event.Log, []fact{{t: at, received: at, port: 666}})
		b.Sequence = uint64(i + 1)
		got = append(got, e.Apply(b).Findings...)
	}
	if len(got) != 2 || got[0].Rule != 2 || got[1].Rule != 1 || !strings.Contains(got[1].Reason, "the number of the beast") {
		// both come with the third batch; they are of one time, and the entity orders them
		slices.SortFunc(got, func(a, b alert.Finding) int { return cmp.Compare(b.Rule, a.Rule) })
		if len(got) != 2 || got[0].Rule != 2 || !strings.Contains(got[1].Reason, "the number of the beast") {
			t.Errorf("got %+v, want one finding of the good rule and one about the bad one", got)
		}
	}
	if s := e.Rules(); s[0].Disabled == "" || s[0].Panics != 3 || s[1].Disabled != "" {
		t.Errorf("Rules: got %+v", s)
	}
	if out := e.Tick(1_700_000_000 * second * 2); out.Watermark == math.MinInt64 {
		t.Error("a disabled rule holds the watermark up")
	}
	_, _, err = History(context.Background(), HistoryOptions{}, all, func(yield func(*event.Batch, []int32) error) error {
		return yield(build(event.Log, []fact{{t: 1e18, port: 666}}), nil)
	})
	if err == nil || !strings.Contains(err.Error(), "rule bad") {
		t.Errorf("History with a rule that panics: got %v", err)
	}
}
