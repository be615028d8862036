package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/jsonlines"
)

// told is a record of CloudTrail. What a sender writes into its parameters must not make it another event's double.
func told(id, account string) string {
	return fmt.Sprintf(`{"eventVersion":"1.08","eventTime":"2024-03-10T11:59:58Z","eventSource":"s3.amazonaws.com","eventName":"Get","requestParameters":{"eventID":"1","recipientAccountId":"a"},"eventID":%q,"recipientAccountId":%q,"userIdentity":{"type":"Root"}}`, id, account)
}

func records(all ...string) string { return `{"Records":[` + strings.Join(all, ",") + `]}` }

// batches keeps what was journalled.
type batches struct {
	all  []*event.Batch
	fail error
}

func (j *batches) Append(_ context.Context, b *event.Batch) error {
	if j.fail == nil {
		j.all = append(j.all, b)
	}
	return j.fail
}

func (j *batches) ids() (ids []string) {
	for _, b := range j.all {
		for row := range b.Rows {
			c := b.Column(event.EventID)
			if v, ok := c.Value(row); ok {
				ids = append(ids, string(c.Str(v)))
			} else {
				ids = append(ids, "-")
			}
		}
	}
	return ids
}

func trails() parser.Set {
	return parser.Set{"cloudtrail": cloudtrail.Format(), "jsonlines": jsonlines.Format()}
}

// An event of CloudTrail that comes twice counts once: within a file, from another file, and after a restart. Others of the
// same id, and those of formats that do not repeat, all count.
func TestRepeatedEvents(t *testing.T) {
	journal := &batches{}
	s := New(Options{Journal: journal, Log: quiet(), Formats: trails()})
	take := func(path, format, content string, events, repeated int64) {
		t.Helper()
		a, err := s.File(t.Context(), api.IngestRequest{Path: path, Format: format}, strings.NewReader(content))
		if err != nil || a.Events != events || a.Repeated != repeated || a.Rejected != 0 {
			t.Errorf("%s: %d events, %d repeated, %d rejected, %v; want %d, %d, 0", path, a.Events, a.Repeated, a.Rejected, err, events, repeated)
		}
	}
	take("first", "", records(told("1", "a"), told("2", "a"), told("1", "a"), told("1", "b"), told("", "a"), told("", "a")), 5, 1)
	take("second", "", records(told("2", "a"), told("3", "a")), 1, 1)
	take("no trail", "jsonlines", `{"event.id":"1","cloud.account.id":"a"}`+"\n"+`{"event.id":"1","cloud.account.id":"a"}`+"\n", 2, 0)
	if health := s.Sources(); len(health) != 1 || health[0].Repeated != 2 || len(health[0].Rejected) != 0 {
		t.Errorf("Sources = %+v, want two repeated and none rejected", health)
	}

	s = New(Options{Journal: journal, Log: quiet(), Formats: trails()})
	before := journal.all
	err := s.Recall(func(names []string, limit int, fn func(*event.Batch, []int32) error) error {
		if !slices.Equal(names, []string{"cloudtrail"}) || limit != remembered {
			t.Errorf("Recall asks for %q, %d at most", names, limit)
		}
		for _, b := range slices.Backward(before) {
			var rows []int32
			for row := range b.Rows {
				rows = append(rows, int32(row))
			}
			if err := fn(b, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	take("after a restart", "", records(told("3", "a"), told("4", "a"), told("1", "b")), 1, 2)
	if got, want := journal.ids(), []string{"1", "2", "1", "-", "-", "3", "1", "1", "4"}; !slices.Equal(got, want) {
		t.Errorf("the journal has the ids %q, want %q", got, want)
	}
	s.unique.forget()
	take("after all was deleted", "", records(told("3", "a")), 1, 0)
}

// What did not become durable is not known: it counts when it comes again.
func TestRepeatedAfterFailure(t *testing.T) {
	journal := &batches{fail: errors.New("the disk is gone")}
	s := New(Options{Journal: journal, Log: quiet(), Formats: trails()})
	content := records(told("1", "a"), told("2", "a"))
	if _, err := s.File(t.Context(), api.IngestRequest{Path: "x"}, strings.NewReader(content)); !errors.Is(err, journal.fail) {
		t.Fatalf("File = %v, want %v", err, journal.fail)
	}
	journal.fail = nil
	a, err := s.File(t.Context(), api.IngestRequest{Path: "x"}, strings.NewReader(content))
	if err != nil || a.Events != 2 || a.Repeated != 0 {
		t.Errorf("after a failure: %d events, %d repeated, %v; want 2, 0", a.Events, a.Repeated, err)
	}
}

// Memory is bounded: the oldest are forgotten.
func TestRememberedIsBounded(t *testing.T) {
	u := newUnique()
	number := func(i int) identity { return u.identity(fmt.Append(nil, i), nil) }
	for i := range remembered + 1000 {
		u.add(number(i))
		u.add(number(i))
	}
	if len(u.known) != remembered || len(u.ring) != remembered {
		t.Errorf("%d are known, want %d", len(u.known), remembered)
	}
	for i, want := range map[int]bool{0: false, 999: false, 1000: true, remembered + 999: true} {
		if _, ok := u.known[number(i)]; ok != want {
			t.Errorf("number %d is known: %v, want %v", i, ok, want)
		}
	}
}

func BenchmarkSift(b *testing.B) {
	u := newUnique()
	u.setFormats(trails())
	p, err := cloudtrail.Default().New()
	if err != nil {
		b.Fatal(err)
	}
	rows := event.NewBuilder(event.Log)
	if err := p.Parse(rows, []byte(told("1", "a")), 0); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		u.sift(b, "cloudtrail", rows, 0)
		clear(u.flight)
	}
}
