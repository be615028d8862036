package files

import (
	"context"

	"tocsin/internal/lines"
	"tocsin/internal/source"
)

// Of a file whose lines are joined to records, the tail has read more than it has handed on: its offset is behind the last
// line that it read, and the journal knows the end of the last record that was whole. When the process ends in between, the
// lines of the open record are read again. As long as it runs, nobody else reads them, and so they are handed on when
// the tail lets go of the file, whatever the reason.

// joinerOf returns what joins the lines of a file, nil when each is a record.
func joinerOf(c Choice) (*lines.Joiner, error) {
	if !c.Settings.Multiline.On() {
		return nil, nil //nolint:nilnil // there is none
	}
	return lines.NewJoiner(c.Settings.Multiline)
}

// open ends the record that is open and returns it.
func (t *tail) open() (source.Record, bool) {
	if t.joiner == nil || t.stream == nil {
		return source.Record{}, false
	}
	return t.joiner.Rest()
}

// whole hands the open record on: nothing more comes of it.
func (r *reader) whole(ctx context.Context, t *tail) error {
	if rest, ok := t.open(); ok {
		return r.emit(ctx, t.stream, rest)
	}
	return nil
}

// An orphan is the open record of a file that is no longer followed.
type orphan struct {
	stream *source.Stream
	record source.Record
}

// handOrphans hands them on.
func (r *reader) handOrphans(ctx context.Context) error {
	for len(r.orphans) > 0 {
		if err := r.emit(ctx, r.orphans[0].stream, r.orphans[0].record); err != nil {
			return err
		}
		r.orphans = r.orphans[1:]
	}
	return nil
}
