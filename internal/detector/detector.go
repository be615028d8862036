// Package detector is the contract of everything that judges events.
package detector

import (
	"io"
	"io/fs"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

// A Detector folds the rows of a batch that its rule's filter selected and judges what they prove. It does no I/O and
// never asks the wall clock: time reaches it in the batch and the watermark. Calls never overlap.
//
// The same events give the same findings however they are cut into batches and however often Judge is called in between,
// as long as no event arrives behind a watermark that was judged: findings depend on events and their times alone. Samples
// are the exception: they are of the rows that were at hand.
type Detector interface {
	// Fold takes rows in, in any order of time within the lateness that the watermark allows for. Rows behind the last
	// watermark judged are counted late and otherwise ignored.
	Fold(b *event.Batch, rows []int32)
	// Judge returns what is proven by all events up to w, in order of (Time, Entity key). It runs only at the one owner of
	// a key. w never goes back.
	Judge(w event.Watermark) []alert.Finding
	// Early returns what rows ahead of the watermark show already and no further event can undo, so that people need not
	// wait for it. Judge comes back to it: what was told here is not told again, and when late rows show that it was at
	// another time or of another value, a finding without triggers says so. So triggers, times, values and the end of each
	// alert are the same with and without Early. A detector that must wait for the watermark returns nothing.
	Early() []alert.Finding
	// Merge joins the state of another detector of the same settings that folded disjoint events and judged nothing.
	Merge(other Detector) error
	// Save writes the state, Load reads it into a new detector of the same settings. Load of foul bytes is an error.
	Save(w io.Writer) error
	Load(r io.Reader) error
	// Stats tells how full it is and what it had to leave out.
	Stats() Stats
	// Explain tells how the entity of one row stands, and what the row would change were it folded as one of time at, in
	// nanoseconds since 1970 UTC. It changes nothing, and its cost is that of one entity, whatever else is kept.
	Explain(b *event.Batch, row int32, at int64) Explanation
}

// Stats are running totals of one detector.
type Stats struct {
	Entities int    // tracked now
	Bytes    int    // estimate of their memory
	Skipped  uint64 // rows that lacked a by field
	Late     uint64 // rows behind the watermark
	Evicted  uint64 // entities given up for lack of room
}

// Config is one detector block of a rule, and its factory.
type Config interface {
	Validate() error                   // pure; every mistake, joined
	New(files fs.FS) (Detector, error) // starts nothing; scripts and lists are read from files
	// Reads names the fields and says whether labels are looked at, so that nothing else need be read from disk. Fields of
	// views are named as they are; view.Stored says of what they are made. Times are always there.
	Reads() (fields []event.FieldID, labels bool)
}

// A Set is all detectors by name; each entry returns a new Config with its defaults.
type Set map[string]func() Config
