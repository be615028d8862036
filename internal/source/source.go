// Package source is the contract of everything through which raw data comes in.
package source

import (
	"context"

	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// A Record is one piece of raw data with its place in the source, so that reading can resume behind it.
type Record struct {
	Data []byte // valid until the next call of emit
	// From and To are the offsets of the record in the source, line end included; both 0 where a source has no offsets.
	From, To int64
	Cut      bool // it was longer than parser.MaxRecord and was cut
	Lines    int  // that it was joined of; 0 is one
}

// Count returns of how many lines the record is.
func (r *Record) Count() int64 { return int64(max(r.Lines, 1)) }

// An Emit takes the records of a source in, in order. Stream says what they come from and how they are to be read; it may
// change from call to call. Emit returns when the records were taken over into a batch, not when that batch is safe:
// Stream.Done is told that. It blocks while the journal cannot keep up; its error means that intake is over.
type Emit func(ctx context.Context, from *Stream, records ...Record) error

// A Stream is one thing that a source reads: a file, a connection, a socket.
type Stream struct {
	Source string        // name of the source in the configuration: tocsin.source
	ID     string        // identity that survives restarts, such as a file's; "" where there is nothing to resume
	Path   string        // log.file.path; "" for sockets
	Peer   [16]byte      // address of the sender, zero for files: observer.ip
	Parser parser.Parser // used by one call at a time
	Format string        // name of the parser: event.dataset
	Kind   event.Kind
	// Settings are those that the parser was made with, so that what it refuses can be read again.
	Settings parser.Options
	// Done is called, from another goroutine, when everything up to offset to was journalled. May be nil.
	Done func(to int64)
}

// A Source brings data in until ctx ends. Run blocks; it returns nil when ctx ends and an error to be restarted: it does
// not retry by itself. What it lost or refused it counts.
type Source interface {
	Run(ctx context.Context, emit Emit) error
}
