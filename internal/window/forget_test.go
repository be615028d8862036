package window

import (
	"strings"
	"testing"

	"tocsin/internal/event"
)

// An entity that gets the number of another one is not shown with rows of that: neither of batches that are held still, nor of
// those of which some rows are kept.
func TestForgottenRowsAreNobodys(t *testing.T) {
	sent := func(at int64, user string) *event.Batch {
		b := event.NewBuilder(event.Log)
		b.Time(event.Timestamp, at)
		b.Text(event.UserName, user)
		b.Next()
		return b.Batch()
	}
	for _, kept := range []bool{false, true} {
		var r Recent
		r.Begin(sent(10, "ann"), []int32{0})
		r.Note(0, 7)
		r.Forget(7)
		if kept {
			r.Keep(0, nil, func(uint32) bool { return true })
			r.Release()
		}
		r.Begin(sent(20, "bob"), []int32{0})
		r.Note(0, 7)
		got := r.Samples(7, 0, 100, nil)
		if len(got) != 1 || !strings.Contains(string(got[0]), "bob") {
			t.Errorf("kept %v: Samples of bob, who has the number of ann: got %s", kept, got)
		}
		r.Keep(0, nil, func(uint32) bool { return true })
		r.Release()
		if got := r.Samples(7, 0, 100, nil); len(got) != 1 {
			t.Errorf("kept %v: Samples after Keep: got %s, want the one row of bob", kept, got)
		}
	}
}
