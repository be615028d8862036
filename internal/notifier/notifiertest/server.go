package notifiertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// A Request is what a server was asked.
type Request struct {
	Method string
	Path   string // as it was sent, with its escapes
	Query  url.Values
	Header http.Header
	Body   map[string]any // nil unless it is one JSON object in UTF-8
	Raw    []byte
}

// At returns what stands in the body behind keys and positions, nil when nothing does.
func (r Request) At(keys ...any) any {
	var v any = r.Body
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[k]
		case int:
			list, _ := v.([]any)
			if k >= len(list) {
				return nil
			}
			v = list[k]
		}
	}
	return v
}

// Serve answers requests on loopback until the test ends, and remembers them.
func Serve(t *testing.T, answer func(r Request) (status int, body string)) (address string, asked func() []Request) {
	t.Helper()
	var mu sync.Mutex
	var all []Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
		if err != nil {
			return
		}
		got := Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Header: r.Header, Raw: raw}
		if decoder := json.NewDecoder(bytes.NewReader(raw)); decoder.Decode(&got.Body) != nil || decoder.More() {
			got.Body = nil
		}
		mu.Lock()
		all = append(all, got)
		mu.Unlock()
		status, body := answer(got)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // whoever asked may be gone
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []Request {
		mu.Lock()
		defer mu.Unlock()
		now := all
		all = nil
		return now
	}
}
