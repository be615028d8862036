// Package history keeps events for questions: segments in Parquet files, written, merged and scanned, under one manifest
// that says which of them live and how far the journal has been applied.
//
// Events that are not in a segment yet are found too: every query sees one version of segments and memory that does not
// change while it runs.
package history

import (
	"tocsin/internal/event"
)

// Sizes of the parts of a segment. A row group is at most one batch, so that a query evaluates each value of a
// dictionary once a group; word filters cover fewer rows, so that a rare word leads to little text.
const (
	groupRows   = event.MaxRows // rows of a row group
	codePage    = 1 << 14       // rows of a page of numbers or dictionary codes
	labelPage   = 1 << 12       // rows of a page of labels
	grainRows   = 1 << 13       // rows that one word filter covers
	textPage    = 128 << 10     // bytes of text a page aims at
	minTextRows = 1 << 8        // rows of a text page, at least
	maxTextRows = grainRows     // and at most

	maxDictBytes = 1 << 20 // of text; beyond it a column of the group is kept plain
	bloomBits    = 10      // of a bloom filter, a distinct value
)

// formatVersion is that of segments and manifest. A reader refuses a newer one. Row groups of a segment followed each other in time
// before version 2.
const formatVersion = 2

// bloomed lists the fields that have a bloom filter a row group: those that people look for one value of.
func bloomed(f *event.Field) bool {
	switch f.ID {
	case event.UserName, event.HostMAC, event.SourceMAC, event.DestinationMAC, event.DeviceID:
		return true
	}
	return f.Type == event.IP
}

// A run is a stretch of rows of one part, in the order in which a segment is to hold them.
type run struct{ part, from, to int32 }

// A part is where rows come from: a column of a batch in memory or of a segment that is merged. Row r of the run is
// value r-base of the column; a nil column has no value in any row.
type part struct {
	col  *event.Column
	base int32
}

func runRows(runs []run) int {
	n := 0
	for _, r := range runs {
		n += int(r.to - r.from)
	}
	return n
}
