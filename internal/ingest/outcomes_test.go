package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/csv"
	"tocsin/internal/parser/hdfs"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/parser/syslog"
	"tocsin/internal/parser/text"
)

// kept notes what was journalled.
type kept struct{ rows []string }

// Append notes time, flags and message of each event. Times of receipt are "now".
func (k *kept) Append(_ context.Context, b *event.Batch) error {
	for row := range b.Rows {
		get := func(id event.FieldID) string {
			c := b.Column(id)
			if c == nil {
				return ""
			}
			v, ok := c.Value(row)
			if !ok {
				return ""
			}
			return string(c.AppendValueText(nil, v))
		}
		at := get(event.Timestamp)
		if at == get(event.Ingested) {
			at = "now"
		}
		message := get(event.Message)
		k.rows = append(k.rows, strings.TrimSpace(strings.Join([]string{at, "[" + get(event.TocsinFlags) + "]", message[:min(len(message), 60)]}, " ")))
	}
	return nil
}

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestOutcomes is the table of docs/formats.md: every odd line has a defined outcome and costs no other line. Each file is read
// as `tocsin ingest` reads it.
func TestOutcomes(t *testing.T) {
	now := time.Now().UTC()
	web := func(second int, request, agent string) string {
		return fmt.Sprintf(`192.0.2.1 - - [10/Mar/2024:11:59:%02d +0000] "%s" 200 5 "-" "%s"`, second, request, agent)
	}
	good := func(second int) string { return web(second, "GET / HTTP/1.1", "curl") + "\n" }
	at := func(second int) string { return fmt.Sprintf("2024-03-10T11:59:%02dZ [] GET / HTTP/1.1", second) }
	trail := func(id, account, action string) string {
		return fmt.Sprintf(`{"eventVersion":"1.08","eventTime":"2024-03-10T11:59:58Z","eventSource":"iam.amazonaws.com","eventName":%q,"eventID":%q,"recipientAccountId":%q,"userIdentity":{"type":"Root"},"requestParameters":{"eventID":"1"}}`, action, id, account)
	}
	for _, c := range []struct {
		name, format, zone string
		declaration        string
		content            string
		counts             string           // lines, events, empty, rejected
		reasons            map[string]int64 // nil: whatever the parser says
		events             []string
		fails              string // how reading ends, "" for well
	}{
		{
			name: "a line that is too long", content: good(1) + web(2, "GET /"+strings.Repeat("a", 300<<10)+" HTTP/1.1", "curl") + "\n" + good(3),
			counts: "3 2 0 1", events: []string{at(1), at(3)},
		},
		{
			name: "a text that is too long", format: "text", content: "2024-03-10T11:59:01Z " + strings.Repeat("a", 300<<10) + "\n2024-03-10T11:59:02Z b\n",
			counts: "2 2 0 0", events: []string{"2024-03-10T11:59:01Z [cut] " + strings.Repeat("a", 60), "2024-03-10T11:59:02Z [] b"},
		},
		{
			name: "bytes that are no UTF-8", content: good(1) + web(2, "GET /\xff\xfe HTTP/1.1", "curl") + "\n" + good(3),
			counts: "3 3 0 0", events: []string{at(1), "2024-03-10T11:59:02Z [bad-utf8] GET /\xff\xfe HTTP/1.1", at(3)},
		},
		{
			name: "NUL bytes in a line", content: good(1) + web(2, "GET /\x00 HTTP/1.1", "curl") + "\n" + good(3),
			counts: "3 3 0 0", events: []string{at(1), "2024-03-10T11:59:02Z [] GET /\x00 HTTP/1.1", at(3)},
		},
		{
			name: "NUL bytes before a line", content: good(1) + strings.Repeat("\x00", 100_000) + good(2),
			counts: "2 2 0 0", events: []string{at(1), at(2)},
		},
		{
			name: "no zone", format: "text", zone: "Europe/Berlin", content: "2024-03-10 11:59:01 a\n2024-03-10 11:59:02Z b\n",
			counts: "2 2 0 0", events: []string{"2024-03-10T10:59:01Z [no-zone] a", "2024-03-10T11:59:02Z [] b"},
		},
		{
			name: "no year", format: "syslog", content: now.Add(-time.Hour).Format("Jan _2 15:04:05") + " host app: a\n" + now.Add(-200*24*time.Hour).Format("Jan _2 15:04:05") + " host app: b\n",
			counts: "2 2 0 0", events: []string{
				now.Add(-time.Hour).Truncate(time.Second).Format(time.RFC3339) + " [no-zone] a", now.Add(-200*24*time.Hour).Truncate(time.Second).Format(time.RFC3339) + " [no-zone] b",
			},
		},
		{
			name: "no time", format: "text", content: "2024-03-10 11:59:01Z a\nb\n",
			counts: "2 2 0 0", events: []string{"2024-03-10T11:59:01Z [] a", "now [no-time] b"},
		},
		{
			name: "a time that there is not", content: good(1) + strings.Replace(good(2), "10/Mar", "31/Feb", 1) + good(3),
			counts: "3 2 0 1", events: []string{at(1), at(3)},
		},
		{
			name: "a time in the future", format: "text", content: "2199-03-10 11:59:01Z a\n",
			counts: "1 1 0 0", events: []string{"2199-03-10T11:59:01Z [future] a"},
		},
		{
			name: "time that goes back", content: good(5) + good(1) + good(6),
			counts: "3 3 0 0", events: []string{at(5), at(1), at(6)},
		},
		{
			name: "clocks put forward", format: "text", zone: "America/New_York", content: "2024-03-10 01:30:00 a\n2024-03-10 02:30:00 b\n2024-03-10 03:30:00 c\n",
			counts: "3 3 0 0", events: []string{"2024-03-10T06:30:00Z [no-zone] a", "2024-03-10T07:30:00Z [no-zone] b", "2024-03-10T07:30:00Z [no-zone] c"},
		},
		{
			name: "clocks put back", format: "text", zone: "Europe/Berlin", content: "2024-10-27 01:59:59 a\n2024-10-27 02:30:00 b\n2024-10-27 02:30:00 c\n2024-10-27 03:00:00 d\n",
			counts: "4 4 0 0", events: []string{"2024-10-26T23:59:59Z [no-zone] a", "2024-10-27T00:30:00Z [no-zone] b", "2024-10-27T00:30:00Z [no-zone] c", "2024-10-27T02:00:00Z [no-zone] d"},
		},
		{
			name: "the header of a CSV file", content: "LineId,Date,Time,Pid,Level,Component,Content,EventId,EventTemplate\n1,081109,203615,148,INFO,dfs.DataNode,a,E1,a\n2,081109,203616,148,INFO,dfs.DataNode,b,E1,b\n",
			counts: "3 2 1 0", events: []string{"2008-11-09T20:36:15Z [no-zone] a", "2008-11-09T20:36:16Z [no-zone] b"},
		},
		{
			name: "a header in the middle, and other numbers of columns", declaration: "csv: {header: 'time,message'}",
			content: "time,message\n2024-03-10T11:59:01Z,a\ntime,message\n2024-03-10T11:59:02Z\n2024-03-10T11:59:03Z,b,c\n2024-03-10T11:59:04Z,\"d, e\"\n",
			counts:  "6 2 2 2", reasons: map[string]int64{"fewer columns than the header": 1, "more columns than the header": 1},
			events: []string{"2024-03-10T11:59:01Z [] a", "2024-03-10T11:59:04Z [] d, e"},
		},
		{
			name: "a line that no pattern fits", declaration: "text: {patterns: ['{time} {source.ip} {message}'], otherwise: message}",
			content: "2024-03-10T11:59:01Z 192.0.2.1 a\nb\n2024-03-10T11:59:02Z nowhere c\n", counts: "3 3 0 0",
			events: []string{"2024-03-10T11:59:01Z [] a", "now [no-time,unmatched] b", "2024-03-10T11:59:02Z [misfit] c"},
		},
		{name: "empty Records", content: `{"Records":[]}` + "\n", counts: "0 0 0 0"},
		{name: "an empty file", content: "", counts: "0 0 0 0"},
		{
			name: "Records with one that is foul", content: `{"Records":[` + trail("1", "9", "A") + `,{"eventName":],` + trail("2", "9", "B") + `]}`,
			counts: "3 2 0 1", reasons: map[string]int64{"no value": 1}, events: []string{"2024-03-10T11:59:58Z [] A by Root", "2024-03-10T11:59:58Z [] B by Root"},
		},
		{
			name: "an escaped quote in a request", content: good(1) + web(2, `GET /a\"b HTTP/1.1`, `Mozilla \"x\"`) + "\n" + good(3),
			counts: "3 3 0 0", events: []string{at(1), `2024-03-10T11:59:02Z [] GET /a\"b HTTP/1.1`, at(3)},
		},
		{
			name: "another format in the middle", content: good(1) + good(2) + good(3) + "<34>1 2020-10-10T14:01:00Z host1 sshd 811 - - Invalid user\n" + `{"a":1}` + "\n" + good(4),
			counts: "6 4 0 2", events: []string{at(1), at(2), at(3), at(4)},
		},
		{name: "line ends of Windows", content: strings.ReplaceAll(good(1)+good(2), "\n", "\r\n"), counts: "2 2 0 0", events: []string{at(1), at(2)}},
		{name: "a byte order mark", content: "\ufeff" + good(1) + good(2), counts: "2 2 0 0", events: []string{at(1), at(2)}},
		{name: "a byte order mark before JSON", content: "\ufeff" + `{"time":"2024-03-10T11:59:01Z","msg":"a"}` + "\n", counts: "1 1 0 0", events: []string{"2024-03-10T11:59:01Z [] a"}},
		{name: "no newline at the end", content: good(1) + strings.TrimSuffix(good(2), "\n"), counts: "2 2 0 0", events: []string{at(1), at(2)}},
		{name: "blank lines", content: "\n" + good(1) + "\n  \t\r\n" + good(2), counts: "5 2 3 0", events: []string{at(1), at(2)}},
		{
			name: "JSON that is none", format: "jsonlines", content: `{"time":"2024-03-10T11:59:01Z","msg":"a",}` + "\n" + `{"time":"2024-03-10T11:59:02Z","msg":"b"}}` + "\n" + strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100) + "\n" + `{"time":"2024-03-10T11:59:03Z","msg":"c","msg":"d"}` + "\n",
			counts: "4 1 0 3", reasons: map[string]int64{"no member name in quotes": 1, "text behind the object": 1, "objects or arrays too deep in each other": 1}, events: []string{"2024-03-10T11:59:03Z [] d"},
		},
		{
			name: "a value of another type", format: "jsonlines", content: `{"time":"2024-03-10T11:59:01Z","msg":"a","source.ip":"nowhere"}` + "\n",
			counts: "1 1 0 0", events: []string{"2024-03-10T11:59:01Z [misfit] a"},
		},
		{
			name: "a compressed file that ends early", content: gzipped(t, good(1)+good(2)+good(3))[:60],
			counts: "? ? ? ?", fails: "unpack gzip: the data ends early, behind",
		},
		{name: "UTF-16", content: "\xff\xfea\x00\n\x00", fails: "it is UTF-16 text, want UTF-8"},
		{name: "a compression that is not undone", content: "\xfd7zXZ\x00\x00", fails: "it is packed by xz, want plain, gzip, zstd or bzip2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			journal := &kept{}
			s := New(Options{Journal: journal, Log: quiet(), Formats: parser.Set{
				"cloudtrail": cloudtrail.Format(), "combined": combined.Format(), "csv": csv.Format(), "hdfs": hdfs.Format(), "jsonlines": jsonlines.Format(), "syslog": syslog.Format(), "text": text.Format(),
			}})
			answer, err := readWhole(t, s, api.IngestRequest{Source: "file:x", Path: "x", Format: c.format, Zone: c.zone, Declaration: c.declaration}, c.content)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("File = %v, want %q in it", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatalf("File = %v", err)
			}
			if got := fmt.Sprint(answer.Lines, answer.Events, answer.Empty, answer.Rejected); got != c.counts {
				t.Errorf("lines, events, empty, rejected: %s, want %s; %v", got, c.counts, answer.Errors)
			}
			if answer.Lines != answer.Events+answer.Empty+answer.Rejected {
				t.Errorf("%d lines are not %d events + %d empty + %d rejected", answer.Lines, answer.Events, answer.Empty, answer.Rejected)
			}
			if c.reasons != nil && !cmp.Equal(c.reasons, answer.Reasons) {
				t.Errorf("reasons: %v, want %v", answer.Reasons, c.reasons)
			}
			if int(answer.Rejected) != len(answer.Errors) {
				t.Errorf("%d lines are rejected, and shown are %v", answer.Rejected, answer.Errors)
			}
			if !slices.Equal(journal.rows, c.events) {
				t.Errorf("events (-want +got):\n%s", cmp.Diff(c.events, journal.rows))
			}
		})
	}
}

// readWhole reads a file as the command does: unpacked, from its beginning.
func readWhole(t *testing.T, s *Service, q api.IngestRequest, content string) (api.IngestAnswer, error) {
	t.Helper()
	body, err := lines.Open(strings.NewReader(content))
	if err != nil {
		return api.IngestAnswer{}, err
	}
	defer body.Close()
	return s.File(t.Context(), q, body)
}

// What can be read of a compressed file that ends early is kept, and read on when the rest is there.
func TestTruncatedFileIsReadOn(t *testing.T) {
	var content strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&content, "192.0.2.1 - - [10/Mar/2024:11:59:58 +0000] \"GET /%d HTTP/1.1\" 200 5 \"-\" \"curl\"\n", i)
	}
	packed := gzipped(t, content.String())
	journal := &kept{}
	s := New(Options{Journal: journal, Log: quiet(), Formats: parser.Set{"combined": combined.Format()}})
	q := api.IngestRequest{Source: "file:x", Path: "x"}
	first, err := readWhole(t, s, q, packed[:len(packed)/2])
	if err == nil || !strings.Contains(err.Error(), "the data ends early, behind ") || first.Events == 0 || first.Events == 20_000 {
		t.Fatalf("the half: %d events, %v", first.Events, err)
	}
	q.Offset, _ = s.Resume("file:x")
	second, err := s.File(t.Context(), q, strings.NewReader(content.String()[q.Offset:]))
	if err != nil || first.Events+second.Events != 20_000 || len(journal.rows) != 20_000 || second.Rejected+first.Rejected != 0 {
		t.Errorf("%d and %d events, %v; want 20000 together", first.Events, second.Events, err)
	}
}
