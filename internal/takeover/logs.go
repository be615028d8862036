package takeover

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"tocsin/internal/api"
)

// A nullTime is a time that may be missing, infinite, or too far off.
type nullTime struct{ pgtype.Timestamptz }

// instant returns the time; false when there is none that can be kept.
func (t *nullTime) instant() (time.Time, bool) {
	if !t.Valid || t.InfinityModifier != pgtype.Finite {
		return time.Time{}, false
	}
	y := t.Time.UTC().Year()
	return t.Time, y >= 1679 && y <= 2260 // a day from the ends of what nanoseconds can tell, whatever the zone
}

// logs takes the log rows over, one range of ids after the other.
func (r *run) logs(ctx context.Context) (err error) {
	if r.summary.Logs.Found, err = r.count(ctx, "logs"); err != nil || r.DryRun {
		return err
	}
	source, err := r.identity(ctx)
	if err != nil {
		return err
	}
	done := source + ":done"
	complete, err := r.svc.Resume(ctx, done)
	if err != nil {
		return err
	}
	complete = max(complete, 0)
	var looked int64
	if err := r.db.QueryRow(ctx, `SELECT COUNT(*) FROM logs WHERE id < $1::bigint`, complete*span).Scan(&looked); err != nil {
		return err
	}
	for {
		var first, newest *int64
		err := r.db.QueryRow(ctx, `SELECT (SELECT MIN(id)::bigint FROM logs WHERE id >= $1::bigint), (SELECT MAX(id)::bigint FROM logs)`, complete*span).Scan(&first, &newest)
		if err != nil || first == nil {
			return err
		}
		k := *first / span
		n, err := r.part(ctx, fmt.Sprintf("%s:%d", source, k), k)
		if err != nil {
			return err
		}
		looked += n
		r.Progress(looked, r.summary.Logs.Found)
		if *newest < (k+1)*span { // it may grow yet
			return nil
		}
		if err := r.complete(ctx, done, complete, k+1); err != nil {
			return err
		}
		complete = k + 1
	}
}

// identity names the table: another one, also one of the same name that was made anew, has another identity.
func (r *run) identity(ctx context.Context) (name string, err error) {
	err = r.db.QueryRow(ctx, `SELECT 'logtrack:' || (SELECT system_identifier FROM pg_control_system()) || ':' ||
(SELECT oid FROM pg_database WHERE datname = current_database()) || ':' || to_regclass('logs')::oid`).Scan(&name)
	return name, err
}

// complete notes that ranges are done with.
func (r *run) complete(ctx context.Context, source string, from, to int64) error {
	_, err := r.svc.Ingest(ctx, api.IngestRequest{Source: source, Path: "ranges of LogTrack's log rows", Format: "jsonlines", Offset: from}, newlines(to-from))
	return err
}

// part takes the rows of one range over, and returns how many it has.
func (r *run) part(ctx context.Context, source string, k int64) (rows int64, err error) {
	known, err := r.svc.Resume(ctx, source)
	if err != nil {
		return 0, err
	}
	known = max(known, 0)
	reading, stop := context.WithCancel(ctx)
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		n, err := r.write(reading, out, k*span, (k+1)*span)
		rows = n
		_ = out.CloseWithError(err) // it never fails
		ended <- err
	}()
	answer, err := r.take(ctx, source, known, in)
	stop()
	_ = in.CloseWithError(context.Canceled) // it never fails
	if read := <-ended; err == nil && read != nil && !errors.Is(read, io.ErrClosedPipe) {
		err = read
	}
	r.summary.Logs.New += answer.Events
	r.summary.Rejected += answer.Rejected
	for _, e := range answer.Errors {
		r.Say(fmt.Sprintf("log row: %s: %.100q", e.Reason, e.Sample))
	}
	return rows, err
}

// take hands on what is not known yet of the content of a range.
func (r *run) take(ctx context.Context, source string, known int64, content io.Reader) (api.IngestAnswer, error) {
	switch _, err := io.CopyN(io.Discard, content, known); {
	case errors.Is(err, io.EOF): // rows were deleted since
		return api.IngestAnswer{}, nil
	case err != nil:
		return api.IngestAnswer{}, err
	}
	buffered := bufio.NewReader(content)
	if _, err := buffered.Peek(1); errors.Is(err, io.EOF) {
		return api.IngestAnswer{}, nil
	}
	return r.svc.Ingest(ctx, api.IngestRequest{Source: source, Path: "LogTrack's log rows", Format: "jsonlines", Offset: known}, buffered)
}

// logRows is what is read of rows. What is huge is cut by the database already.
const logRows = `SELECT id::bigint, %s, left(service, 1000), left(severity, 1000), left(message, 100000), octet_length(message),
left(username, 1000), CASE WHEN octet_length(extra_fields::text) <= 100000 THEN extra_fields::text END, octet_length(extra_fields::text)
FROM logs WHERE id >= $1::bigint AND id < $2::bigint ORDER BY id`

// time is the time in a column as SQL. LogTrack handed times over without a zone, which the database took for its own; where
// the zone of the logs is known, what counts is the wall clock, which is then given as if it were UTC.
func (r *run) time(column string) string {
	column = pgx.Identifier{column}.Sanitize() + "::timestamptz"
	if r.Zone == nil {
		return column
	}
	return "(" + column + " AT TIME ZONE current_setting('TimeZone')) AT TIME ZONE 'UTC'"
}

// write writes the rows with ids from first to before limit as JSON lines, always the same bytes for the same rows.
func (r *run) write(ctx context.Context, to io.Writer, first, limit int64) (n int64, err error) {
	rows, err := r.db.Query(ctx, fmt.Sprintf(logRows, r.time("timestamp")), first, limit)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(to, 256<<10)
	var l logRow
	_, err = pgx.ForEachRow(rows, []any{&l.id, &l.at, &l.service, &l.severity, &l.message, &l.messageBytes, &l.user, &l.extra, &l.extraBytes}, func() error {
		n++
		line, err := r.line(&l)
		if err != nil {
			return fmt.Errorf("row %d: %w", l.id, err)
		}
		_, err = w.Write(line)
		return err
	})
	return n, errors.Join(err, w.Flush())
}
