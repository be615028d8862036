package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func squeeze(t *testing.T, how, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if how == "zstd" {
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPostEvents(t *testing.T) {
	s := open(t, func(o *Options) { o.MaxEvents = 1 << 20 })
	lines := strings.Repeat(`{"message":"x"}`+"\n", 1000)
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name, body, coding, query string
		err                       error
		answer                    api.AppendAnswer
		status                    int
		says                      string
	}{
		{name: "plain", body: lines, status: 200, says: `"accepted":1000`},
		{name: "gzip", body: squeeze(t, "gzip", lines), coding: "gzip", status: 200, says: `"accepted":1000`},
		{name: "zstd", body: squeeze(t, "zstd", lines), coding: "zstd", status: 200, says: `"accepted":1000`},
		{name: "kind", body: lines, query: "?kind=login&source=x", status: 200, says: `"accepted":1000`},
		{name: "misspelt parameter", body: lines, query: "?knd=login", status: 400, says: "did you mean kind?"},
		{name: "exactly the limit", body: long[1:] + "\n", status: 200, says: `"accepted":1`},
		{name: "too large", body: long + "\n", status: 413, says: "at most 1 MiB"},
		{name: "gzip bomb", body: squeeze(t, "gzip", strings.Repeat(long, 64)), coding: "gzip", status: 413, says: "at most 1 MiB"},
		{name: "zstd bomb", body: squeeze(t, "zstd", strings.Repeat(long, 64)), coding: "zstd", status: 413, says: "at most 1 MiB"},
		{name: "no gzip", body: lines, coding: "gzip", status: 400, says: "not gzip"},
		{name: "no zstd", body: lines, coding: "zstd", status: 400, says: "read body"},
		{name: "cut gzip", body: squeeze(t, "gzip", lines)[:60], coding: "gzip", status: 400, says: "read body"},
		{name: "brotli", body: lines, coding: "br", status: 415, says: "want gzip, zstd or none"},
		{name: "empty", body: "", status: 400, says: "no events"},
		{name: "none usable", body: lines, answer: api.AppendAnswer{Rejected: 2, Errors: []api.LineError{{Line: 1, Reason: "no <JSON>"}}}, status: 400, says: `"answer":{"accepted":0,"rejected":2`},
		{name: "repeated", body: lines, answer: api.AppendAnswer{Repeated: true}, status: 200, says: `"repeated":true`},
		{name: "some usable", body: lines, answer: api.AppendAnswer{Accepted: 1, Rejected: 1}, status: 200, says: `"rejected":1`},
		{name: "full", body: lines, err: fault.New(fault.Full, "journal is full"), status: 507, says: "journal is full"},
		{name: "unavailable", body: lines, err: fault.New(fault.Unavailable, "later"), status: 503, says: "later"},
		{name: "denied", body: lines, err: fault.New(fault.Denied, "not you"), status: 403, says: "not you"},
		{name: "own fault", body: lines, err: errors.New("boom"), status: 500, says: "its log says why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.svc.err, s.svc.append0 = c.err, c.answer
			headers := []string{"Authorization", asBob, "Content-Type", ndjson}
			if c.coding != "" {
				headers = append(headers, "Content-Encoding", c.coding)
			}
			res, text := s.try(t, "POST", "/api/v1/events"+c.query, c.body, headers...)
			if res.StatusCode != c.status || !strings.Contains(text, c.says) {
				t.Errorf("got %d %s, want %d and %q", res.StatusCode, text, c.status, c.says)
			}
			if c.status >= 400 && res.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("type of the problem is %q", res.Header.Get("Content-Type"))
			}
			if (c.status >= 503) != (res.Header.Get("Retry-After") != "") {
				t.Errorf("%d with Retry-After %q", c.status, res.Header.Get("Retry-After"))
			}
		})
	}
	s.svc.err, s.svc.append0 = nil, api.AppendAnswer{}
	for key, want := range map[string]int{"k-1": 200, strings.Repeat("k", 256): 400, "ümlaut": 400} {
		if res, _ := s.try(t, "POST", "/api/v1/events", lines, "Authorization", asBob, "Idempotency-Key", key); res.StatusCode != want {
			t.Errorf("Idempotency-Key %q: %d, want %d", key, res.StatusCode, want)
		}
	}
}

// Bodies beyond those that are taken in at once are refused, not queued.
func TestManyBodiesAtOnce(t *testing.T) {
	s := open(t, func(o *Options) { o.MaxIntake = 1 })
	begun, goOn := make(chan struct{}), make(chan struct{})
	s.svc.append = func(io.Reader) (int, error) { close(begun); <-goOn; return 1, nil }
	first := make(chan int)
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/api/v1/events", strings.NewReader("{}\n"))
		if err != nil {
			panic(err)
		}
		r.Header.Set("Authorization", asBob)
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			panic(err)
		}
		_ = res.Body.Close()
		first <- res.StatusCode
	}()
	<-begun
	res, _ := s.try(t, "POST", "/api/v1/events", "{}\n", "Authorization", asBob)
	if res.StatusCode != 429 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("second body = %d, Retry-After %q, want 429 and 1", res.StatusCode, res.Header.Get("Retry-After"))
	}
	close(goOn)
	if got := <-first; got != 200 {
		t.Errorf("first body = %d, want 200", got)
	}
}

func TestNowhere(t *testing.T) {
	s := open(t, nil)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/api/v1/nothing", 404, ""}, {"GET", "/api/v1/events", 405, "POST"}, {"PATCH", "/api/v1/rules", 405, "GET, HEAD, POST"},
		{"GET", "/index.php", 404, ""}, {"GET", "/assets/../api/v1/users", 307, ""}, {"TRACE", "/", 405, "GET, HEAD"},
	} {
		res, text := s.try(t, c.method, c.path, "")
		if res.StatusCode != c.status || res.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s = %d, Allow %q, want %d, %q", c.method, c.path, res.StatusCode, res.Header.Get("Allow"), c.status, c.allow)
		}
		if c.status >= 400 && !strings.HasPrefix(text, `{"title":`) {
			t.Errorf("%s %s answers %q, want a problem", c.method, c.path, text)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	s := open(t, nil)
	for _, path := range []string{"/", "/login", "/api/v1/alerts", "/nothing", "/healthz"} {
		res, _ := s.try(t, "GET", path, "")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy is %q", path, csp)
		}
	}
}

func TestQueries(t *testing.T) {
	s := open(t, nil)
	for query, want := range map[string]api.TopRequest{
		"by=source.ip&by=url.path&metric=count&bucket=5m&limit=3&lowest": {By: []string{"source.ip", "url.path"}, Metric: "count", Bucket: 5 * time.Minute, Limit: 3, Lowest: true},
		"since=2026-01-02T03:04:05Z&bucket=1000":                         {Since: testTime, Bucket: 1000},
	} {
		res, text := s.try(t, "GET", "/api/v1/top?"+query, "", "Authorization", asBob)
		if res.StatusCode != 200 || !reflect.DeepEqual(s.svc.asked, []any{want}) {
			t.Errorf("top?%s = %d %s, asked %+v, want %+v", query, res.StatusCode, text, s.svc.asked, want)
		}
	}
	for _, query := range []string{"limt=3", "limit=x", "limit=1&limit=2", "since=soon", "bucket=-", "lowest=perhaps", "limit=99999999999999999999"} {
		if res, text := s.try(t, "GET", "/api/v1/top?"+query, "", "Authorization", asBob); res.StatusCode != 400 || !strings.Contains(text, "parameter") {
			t.Errorf("top?%s = %d %s, want 400 and which parameter", query, res.StatusCode, text)
		}
	}
	for _, body := range []string{`{"by":1}`, `{"nothing":1}`, `{} {}`, `[`, `{"by":["x"]`, strings.Repeat("[", 2<<20)} {
		if res, _ := s.try(t, "POST", "/api/v1/top", body, "Authorization", asBob); res.StatusCode != 400 && res.StatusCode != 413 {
			t.Errorf("top of %.40q = %d, want 400", body, res.StatusCode)
		}
	}
}

func FuzzDecodeQuery(f *testing.F) {
	f.Add("by=a&by=b&since=2h&limit=3&bucket=5m&lowest=")
	f.Add("since=2026-01-02&until=@12&kinds=log&metric=%00")
	f.Add("since=2026-01-02T15:04:05%2b24:60")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		var q api.TopRequest
		if err := decodeQuery(values, &q, testTime); err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("decodeQuery(%q) = %v, want invalid", query, err)
			}
			return
		}
		var again api.TopRequest
		if err := decodeQuery(encodeQuery(q), &again, testTime); err != nil {
			t.Errorf("decodeQuery(encodeQuery(%+v)) = %v", q, err)
		}
		if !q.Since.Equal(again.Since) || !q.Until.Equal(again.Until) || q.Bucket != again.Bucket || q.Limit != again.Limit || q.Where != again.Where || len(q.By) != len(again.By) {
			t.Errorf("%+v came back as %+v", q, again)
		}
	})
}

// What was begun before the end was called is finished.
func TestRunDrains(t *testing.T) {
	svc := &recorder{gate: make(chan struct{})}
	server, err := New(Options{Service: svc, Auth: &accounts{}, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- server.Run(ctx, l) }()
	c := connect(t, "http://"+l.Addr().String(), "token of alice")
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush(t.Context()) }()
	for {
		svc.mu.Lock()
		begun := svc.method == "Flush"
		svc.mu.Unlock()
		if begun {
			break
		}
		select {
		case err := <-flushed:
			t.Fatalf("Flush = %v before its time", err)
		case <-time.After(time.Millisecond):
		}
	}
	stop()
	select {
	case err := <-ran:
		t.Fatalf("Run = %v while a request was under way", err)
	default:
	}
	close(svc.gate)
	if err := <-flushed; err != nil {
		t.Errorf("Flush during the end = %v, want nil", err)
	}
	if err := <-ran; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

type panics struct{ recorder }

func (*panics) Flush(context.Context) error { panic("a slip") }

func TestPanicIsAnAnswer(t *testing.T) {
	var log bytes.Buffer
	s := open(t, func(o *Options) { o.Service, o.Log = &panics{}, slog.New(slog.NewTextHandler(&log, nil)) })
	res, text := s.try(t, "POST", "/api/v1/flush", "", "Authorization", asAlice)
	if res.StatusCode != 500 || strings.Contains(text, "slip") || !strings.Contains(log.String(), "a slip") {
		t.Errorf("flush that panics = %d %s, log %q; want 500 and the slip in the log alone", res.StatusCode, text, log.String())
	}
	if res, _ := s.try(t, "GET", "/healthz", ""); res.StatusCode != 200 {
		t.Errorf("healthz after a panic = %d", res.StatusCode)
	}
}

func TestReadyz(t *testing.T) {
	s := open(t, nil)
	if res, text := s.try(t, "GET", "/readyz", ""); res.StatusCode != 200 || text != "ok\n" {
		t.Errorf("readyz = %d %q", res.StatusCode, text)
	}
	s.svc.err = fault.New(fault.Unavailable, "ledger at /secret/path is away")
	if res, text := s.try(t, "GET", "/readyz", ""); res.StatusCode != 503 || text != "not ready\n" {
		t.Errorf("readyz without a ledger = %d %q", res.StatusCode, text)
	}
}

// Lists and maps are never null, so that who reads the answers need not care.
func TestAnswersHoldNoNull(t *testing.T) {
	for _, v := range []any{api.TopAnswer{Rows: []api.TopRow{{}}}, api.DetectAnswer{}, api.Health{}, []api.Rule(nil), api.DetectAnswer{Alerts: filled[api.DetectAnswer]().Alerts}} {
		text, err := json.Marshal(withoutNull(v))
		if err != nil || bytes.Contains(text, []byte("null")) {
			t.Errorf("%T is written as %s, %v", v, text, err)
		}
	}
}
