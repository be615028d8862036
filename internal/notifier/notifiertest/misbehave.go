package notifiertest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"tocsin/internal/notifier"
)

// Misbehave has a notifier talk to servers that misbehave in every way. Each costs an attempt, never the daemon; errors name
// the place and no secret, and are sorted into what may pass and what will not.
func Misbehave(t *testing.T, with func(t *testing.T, server string, timeout time.Duration) notifier.Notifier, secrets ...string) {
	t.Helper()
	moved := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { moved = true }))
	defer other.Close()
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	for name, test := range map[string]struct {
		serve     http.HandlerFunc
		want      string
		permanent bool
		after     time.Duration
	}{
		"refuses for good":           {status(422), "Unprocessable", true, 0},
		"knows us not":               {status(401), "check ", false, 0},
		"is busy":                    {status(429, "Retry-After", "120"), "Too Many Requests", false, 2 * time.Minute},
		"is busy for ever":           {status(503, "Retry-After", "99999999"), "Service Unavailable", false, 6 * time.Hour},
		"talks of the past":          {status(503, "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"), "Service Unavailable", false, 0},
		"is broken":                  {status(500, "Retry-After", "-1e9"), "Internal Server Error", false, 0},
		"sends us elsewhere":         {status(307, "Location", other.URL), "Temporary Redirect", true, 0},
		"breaks off":                 {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF", false, 0},
		"never answers":              {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "no answer within 300ms", false, 0},
		"speaks another tongue":      {hijack("220 mail.example.org ESMTP\r\n", "", 0), "malformed", false, 0},
		"drips a header without end": {hijack("HTTP/1.1 200 OK\r\n", "X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 10_000), "exceeded", false, 0},
		"tells what it was told": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(400)
			body, _ := io.ReadAll(r.Body)
			_, _ = fmt.Fprintf(w, "%s %v %s", r.RequestURI, r.Header, body)
			user, password, _ := r.BasicAuth()
			_, _ = fmt.Fprintf(w, "%s %s", user, password)
		}, "Bad Request", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.serve)
			defer server.Close()
			timeout := 20 * time.Second
			if name == "never answers" {
				timeout = 300 * time.Millisecond
			}
			answer, err := with(t, server.URL, timeout).Send(t.Context(), Notice())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), strings.TrimPrefix(server.URL, "http://")) {
				t.Fatalf("error = %v, want %q in it, and the place", err, test.want)
			}
			for _, secret := range secrets {
				if strings.Contains(err.Error()+answer, secret) {
					t.Errorf("error %q and answer %q tell the secret %s", err, answer, secret)
				}
			}
			if errors.Is(err, notifier.ErrPermanent) != test.permanent {
				t.Errorf("%v, permanent: want %v", err, test.permanent)
			}
			after := time.Duration(0)
			if later, ok := errors.AsType[*notifier.Later](err); ok {
				after = later.After
			}
			if after != test.after {
				t.Errorf("%v: wait %v, want %v", err, after, test.after)
			}
		})
	}
	if moved {
		t.Error("a redirect was followed")
	}
	t.Run("floods", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for range 10_000 {
				if _, err := w.Write([]byte(strings.Repeat("x\x07", 4096))); err != nil {
					return
				}
			}
		}))
		defer server.Close()
		answer, err := with(t, server.URL, 20*time.Second).Send(t.Context(), Notice())
		if len(answer)+len(fmt.Sprint(err)) > 4<<10 || strings.ContainsFunc(answer, unicode.IsControl) {
			t.Errorf("answer of %d bytes, error of %d", len(answer), len(fmt.Sprint(err)))
		}
	})
}

// hijack says something that is no answer, and then something else again and again.
func hijack(first, then string, times int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, first)
		for range times {
			if _, err := io.WriteString(conn, then); err != nil {
				return
			}
		}
	}
}
