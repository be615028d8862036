package desk

import (
	"context"
	"strings"
	"unicode/utf8"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/quarantine"
)

// Limits of what one call shows of entries.
const (
	usualEntries = 20
	mostEntries  = 1000
	entryBytes   = 16 << 20
)

// mayJudgeRejected refuses who is no administrator: nobody knows whose lines could not be read, so no filter can tell who may
// see them.
func mayJudgeRejected(ctx context.Context, what string) error {
	if !api.Caller(ctx).Admin {
		return fault.New(fault.Denied, "%s rejected lines: only an administrator may", what)
	}
	return nil
}

func selection(q api.QuarantineRequest) quarantine.Filter {
	return quarantine.Filter{Source: q.Source, Format: q.Format, Reason: q.Reason, IDs: q.IDs}
}

// Quarantine implements api.Service.
func (d *Desk) Quarantine(ctx context.Context, q api.QuarantineRequest) ([]api.QuarantineGroup, error) {
	if err := mayJudgeRejected(ctx, "list"); err != nil {
		return nil, err
	}
	groups, err := d.parts.Quarantine.Groups(selection(q))
	if err != nil {
		return nil, err
	}
	list := make([]api.QuarantineGroup, len(groups))
	for i, g := range groups {
		list[i] = api.QuarantineGroup{
			Source: g.Source, Format: g.Format, Reason: g.Reason, Count: g.Count, Kept: g.Kept, NotKept: g.NotKept, Bytes: g.Bytes,
			First: g.First.UTC(), Last: g.Last.UTC(), Sample: strings.ToValidUTF8(string(g.Sample), "\ufffd"),
		}
	}
	return list, nil
}

// QuarantineEntries implements api.Service.
func (d *Desk) QuarantineEntries(ctx context.Context, q api.QuarantineRequest) ([]api.QuarantineEntry, error) {
	if err := mayJudgeRejected(ctx, "show"); err != nil {
		return nil, err
	}
	if q.Limit < 0 || q.Limit > mostEntries {
		return nil, fault.New(fault.Invalid, "limit: got %d, want 1 to %d", q.Limit, mostEntries)
	}
	if q.Limit == 0 {
		q.Limit = usualEntries
	}
	list, bytes := []api.QuarantineEntry{}, 0
	err := d.parts.Quarantine.Scan(selection(q), func(e *quarantine.Entry) error {
		if len(list) == q.Limit || bytes > entryBytes {
			return errEnough
		}
		bytes += len(e.Data)
		shown := api.QuarantineEntry{
			ID: int64(e.ID), Received: e.Received, Source: e.Source, Path: e.Path, Line: e.Line, Offset: e.From, Format: e.Format, Zone: e.Zone,
			Service: e.Service, Reason: e.Reason, Detail: e.Detail, Cut: e.Cut, Text: string(e.Data),
		}
		if !utf8.Valid(e.Data) {
			shown.Text = strings.ToValidUTF8(shown.Text, "\ufffd")
			shown.Record = append([]byte(nil), e.Data...)
		}
		list = append(list, shown)
		return nil
	})
	if err == errEnough { //nolint:errorlint // our own, which nobody wraps
		err = nil
	}
	return list, err
}

// errEnough ends a scan.
var errEnough = fault.New(fault.Invalid, "enough was shown")

// RetryQuarantine implements api.Service.
func (d *Desk) RetryQuarantine(ctx context.Context, q api.QuarantineRetry) (api.QuarantineRetried, error) {
	if err := mayJudgeRejected(ctx, "retry"); err != nil {
		return api.QuarantineRetried{}, err
	}
	return d.parts.Ingest.Retry(ctx, q)
}

// DropQuarantine implements api.Service.
func (d *Desk) DropQuarantine(ctx context.Context, q api.QuarantineRequest) (api.QuarantineDropped, error) {
	if err := mayJudgeRejected(ctx, "drop"); err != nil {
		return api.QuarantineDropped{}, err
	}
	n, err := d.parts.Quarantine.Drop(selection(q))
	return api.QuarantineDropped{Dropped: n}, err
}
