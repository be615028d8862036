package api

import "time"

// A QuarantineRequest selects rejected records that are kept. An empty text selects all.
type QuarantineRequest struct {
	Source string  `json:"source,omitempty"`
	Format string  `json:"format,omitempty"` // by which they were read
	Reason string  `json:"reason,omitempty"`
	IDs    []int64 `json:"ids,omitempty"`   // of entries; none means all
	Limit  int     `json:"limit,omitempty"` // entries that are shown; 0 is 20, 1,000 at most
}

// A QuarantineGroup is what is known of the rejected records of one source, format and reason.
type QuarantineGroup struct {
	Source  string    `json:"source"`
	Format  string    `json:"format"`
	Reason  string    `json:"reason"`
	Count   int64     `json:"count"`    // Kept + NotKept
	Kept    int64     `json:"kept"`     // whole, and can be read again
	NotKept int64     `json:"not_kept"` // counted alone, for want of room
	Bytes   int64     `json:"bytes"`    // that the kept ones take on disk
	First   time.Time `json:"first"`    // when they came
	Last    time.Time `json:"last"`
	Sample  string    `json:"sample,omitempty"` // beginning of the first one that is kept
}

// A QuarantineEntry is one rejected record that is kept.
type QuarantineEntry struct {
	ID       int64     `json:"id"`
	Received time.Time `json:"received"`
	Source   string    `json:"source"`
	Path     string    `json:"path,omitempty"`
	Line     int64     `json:"line,omitempty"` // from 1; 0: unknown
	Offset   int64     `json:"offset"`         // in the uncompressed file, in bytes
	Format   string    `json:"format"`
	Zone     string    `json:"zone,omitempty"`
	Service  string    `json:"service,omitempty"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail"`           // the whole error
	Cut      bool      `json:"cut,omitempty"`    // it was longer than 256 KiB; the beginning is kept
	Text     string    `json:"text"`             // what is no UTF-8 in it is replaced
	Record   []byte    `json:"record,omitempty"` // where Text is not all: the bytes
}

// A QuarantineRetry asks to read rejected records again: by the format that their source has now, or else by which they were
// read, or by another one.
type QuarantineRetry struct {
	Source string  `json:"source,omitempty"`
	Format string  `json:"format,omitempty"` // by which they were read
	Reason string  `json:"reason,omitempty"`
	IDs    []int64 `json:"ids,omitempty"`
	With   string  `json:"with,omitempty"` // the format to read them by; empty: as before
	Zone   string  `json:"zone,omitempty"` // for times without one; empty: as before
}

// A QuarantineRetried says what became of records that were read again. Retried = Accepted + Refused.
type QuarantineRetried struct {
	Retried  int64            `json:"retried"`
	Accepted int64            `json:"accepted"` // records that are no longer kept here
	Events   int64            `json:"events"`   // that they gave
	Refused  int64            `json:"refused"`
	Reasons  map[string]int64 `json:"reasons,omitempty"` // of those that were refused again
	First    time.Time        `json:"first,omitzero"`    // range of event times
	Last     time.Time        `json:"last,omitzero"`
}

// A QuarantineDropped says how many records were forgotten.
type QuarantineDropped struct {
	Dropped int64 `json:"dropped"`
}
