package apitest

import (
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// rejected are lines that could not be read: listed, shown, read again once, dropped; for administrators alone.
func rejected(s *suite) {
	list, err := s.Quarantine(s.ctx, api.QuarantineRequest{})
	if err != nil || len(list) != 0 {
		s.Fatalf("Quarantine of nothing = %+v, %v", list, err)
	}
	text := "{\"@timestamp\":\"2026-03-04T12:00:00Z\",\"event.code\":\"1\"}\nno JSON \x1b \xff\n"
	_, err = s.Ingest(s.ctx, api.IngestRequest{Source: "file 1", Path: "app.log", Format: "combined", Lines: 10}, strings.NewReader(text))
	s.must("Ingest", err)
	list, err = s.Quarantine(s.ctx, api.QuarantineRequest{})
	if err != nil || len(list) != 1 || list[0].Source != "ingest" || list[0].Format != "combined" || list[0].Count != 2 || list[0].Kept != 2 || list[0].NotKept != 0 ||
		list[0].Reason == "" || list[0].Last.Before(list[0].First) || !strings.HasPrefix(list[0].Sample, `{"@timestamp"`) {
		s.Fatalf("Quarantine = %+v, %v", list, err)
	}
	all, err := s.QuarantineEntries(s.ctx, api.QuarantineRequest{Reason: list[0].Reason})
	if err != nil || len(all) != 2 {
		s.Fatalf("QuarantineEntries = %+v, %v", all, err)
	}
	if e := all[0]; e.Line != 11 || e.Offset != 0 || e.Path != "app.log" || e.Text != strings.Split(text, "\n")[0] || e.Record != nil {
		s.Errorf("the first entry is %+v", e)
	}
	if e := all[1]; e.Line != 12 || e.Text != "no JSON \x1b \ufffd" || string(e.Record) != "no JSON \x1b \xff" {
		s.Errorf("the second entry is %+v, %q", e, e.Record)
	}
	one, err := s.QuarantineEntries(s.ctx, api.QuarantineRequest{IDs: []int64{all[1].ID}, Limit: 5})
	if err != nil || len(one) != 1 || one[0].ID != all[1].ID {
		s.Errorf("QuarantineEntries by id = %+v, %v", one, err)
	}
	if none, err := s.Quarantine(s.ctx, api.QuarantineRequest{Source: "web"}); err != nil || len(none) != 0 {
		s.Errorf("Quarantine of another source = %+v, %v", none, err)
	}
	_, err = s.QuarantineEntries(s.ctx, api.QuarantineRequest{Limit: 100_000})
	s.kind("QuarantineEntries without bound", err, fault.Invalid)
	_, err = s.RetryQuarantine(s.ctx, api.QuarantineRetry{With: "nonsense"})
	s.kind("RetryQuarantine by an unknown format", err, fault.Invalid)
	for times := range 3 {
		a, err := s.RetryQuarantine(s.ctx, api.QuarantineRetry{With: "jsonlines"})
		s.must("RetryQuarantine", err)
		want := api.QuarantineRetried{Retried: 1, Refused: 1}
		if times == 0 {
			want = api.QuarantineRetried{Retried: 2, Accepted: 1, Events: 1, Refused: 1}
		}
		if a.Retried != want.Retried || a.Accepted != want.Accepted || a.Events != want.Events || a.Refused != want.Refused || len(a.Reasons) != 1 {
			s.Errorf("RetryQuarantine = %+v, want %+v", a, want)
		}
		s.must("Flush", s.Flush(s.ctx))
		s.finds(api.SearchRequest{}, "1")
	}
	// Who clears all events clears these lines too: the same file, read again, has them once.
	for range 2 {
		_, err = s.Clear(s.ctx, api.ClearRequest{Events: true})
		s.must("Clear", err)
		_, err = s.Ingest(s.ctx, api.IngestRequest{Source: "file 1", Path: "app.log", Format: "jsonlines"}, strings.NewReader(text))
		s.must("Ingest", err)
	}
	dropped, err := s.DropQuarantine(s.ctx, api.QuarantineRequest{Format: "jsonlines"})
	if err != nil || dropped.Dropped != 1 {
		s.Errorf("DropQuarantine = %+v, %v", dropped, err)
	}
	if list, err = s.Quarantine(s.ctx, api.QuarantineRequest{}); err != nil || len(list) != 0 {
		s.Errorf("Quarantine after all = %+v, %v", list, err)
	}
}
