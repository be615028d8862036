package logtrack

import (
	"context"
	"encoding/json"
	"fmt"

	"tocsin/internal/api"
)

// printed is how many rows `print` shows.
const printed = 20

func (f *face) print(ctx context.Context, _ []string) error {
	return f.ask(ctx, f.printRows)
}

// printRows prints the oldest rows, numbered from 1.
func (f *face) printRows(ctx context.Context, svc api.Service) error {
	n := 0
	return svc.Search(ctx, api.SearchRequest{Kinds: logs(), Oldest: true, Limit: printed}, func(line json.RawMessage) error {
		r, err := newRecord(line)
		if err != nil {
			return err
		}
		n++
		_, err = fmt.Fprintln(f.Out, r.row(n))
		return err
	})
}

// logs are the kinds of event that LogTrack knows.
func logs() []string { return []string{"log"} }
