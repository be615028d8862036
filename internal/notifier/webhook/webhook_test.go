package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
	"tocsin/internal/post"
)

func config(url string) *Config {
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.URL = document.NewSecret(url)
	return c
}

func send(ctx context.Context, t *testing.T, c *Config) (string, error) {
	t.Helper()
	h, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return h.Send(ctx, notifiertest.Notice())
}

func mac(secret, text string) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(m, text)
	return m.Sum(nil)
}

// A receiver can check who sent a request, and tell a repeat.
func TestSigned(t *testing.T) {
	var header http.Header
	var body []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "thanks,\n\x1b[31m come again\xff")
	}))
	defer receiver.Close()
	c := config(receiver.URL + "/hook?token=s3cret")
	c.Secret, c.NextSecret, c.User, c.Password = document.NewSecret("old"), document.NewSecret("new"), "tocsin", document.NewSecret("pw")
	c.Headers = map[string]string{"x-site": "berlin"}
	answer, err := send(t.Context(), t, c)
	if err != nil {
		t.Fatal(err)
	}
	if answer != "202 Accepted: thanks, [31m come again\uFFFD" {
		t.Errorf("answer = %q", answer)
	}
	var n notifier.Notice
	if err := json.Unmarshal(body, &n); err != nil || n.Alert.ID != 17 || n.Key != "alert-17-CREATE" {
		t.Errorf("body = %s, %v", body, err)
	}
	var at int64
	signature := header.Get("X-Tocsin-Signature")
	if _, err := fmt.Sscanf(signature, "t=%d,", &at); err != nil || time.Since(time.Unix(at, 0)) > time.Hour {
		t.Errorf("signature = %q", signature)
	}
	text := fmt.Sprintf("%d.%s", at, body)
	if want := fmt.Sprintf("t=%d,v1=%s,v1=%s", at, hex.EncodeToString(mac("old", text)), hex.EncodeToString(mac("new", text))); signature != want {
		t.Errorf("signature = %q, want %q", signature, want)
	}
	user, password, _ := (&http.Request{Header: header}).BasicAuth()
	if header.Get("Idempotency-Key") != "alert-17-CREATE" || header.Get("X-Tocsin-Event") != "CREATE" || header.Get("X-Site") != "berlin" || user != "tocsin" || password != "pw" {
		t.Errorf("header = %v", header)
	}
	c.Style, c.NextSecret = Wforce, document.Secret{}
	if _, err := send(t.Context(), t, c); err != nil {
		t.Fatal(err)
	}
	if header.Get("X-Wforce-Signature") != base64.StdEncoding.EncodeToString(mac("old", string(body))) || header.Get("X-Wforce-Delivery") == "" || header.Get("X-Tocsin-Signature") != "" {
		t.Errorf("header = %v", header)
	}
}

// Each way to misbehave costs an attempt, never the daemon, and shows nothing that is secret.
func TestMisbehaving(t *testing.T) {
	moved := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { moved = true }))
	defer other.Close()
	for name, test := range map[string]struct {
		serve     http.HandlerFunc
		want      string
		permanent bool
		after     time.Duration
	}{
		"refuses for good": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no such field", http.StatusUnprocessableEntity)
		}, "Unprocessable Entity", true, 0},
		"knows us not": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, "check url, user and password", false, 0},
		"is busy":      {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "120"); w.WriteHeader(429) }, "Too Many Requests", false, 2 * time.Minute},
		"is busy for ever": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "99999999")
			w.WriteHeader(503)
		}, "Service Unavailable", false, post.MaxLater},
		"talks of the past": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")
			w.WriteHeader(503)
		}, "Service Unavailable", false, 0},
		"talks nonsense": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "-1e9")
			w.WriteHeader(500)
		}, "Internal Server Error", false, 0},
		"sends us elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, "Temporary Redirect", true, 0},
		"breaks off":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF", false, 0},
		"never answers": {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "no answer within 300ms", false, 0},
		"speaks another tongue": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "220 mail.example.org ESMTP\r\n")
				_ = conn.Close()
			}
		}, "malformed", false, 0},
		"drips a header without end": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for range 10_000 {
				if _, err := io.WriteString(conn, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}, "exceeded", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			receiver := httptest.NewServer(test.serve)
			defer receiver.Close()
			c := config(receiver.URL + "/hook/s3cret")
			c.Secret, c.Timeout = document.NewSecret("t0p"), 20*time.Second
			if name == "never answers" {
				c.Timeout = 300 * time.Millisecond
			}
			_, err := send(t.Context(), t, c)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), strings.TrimPrefix(receiver.URL, "http://")) {
				t.Fatalf("error = %v, want %q in it, and the place", err, test.want)
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "t0p") {
				t.Errorf("%v tells a secret", err)
			}
			if errors.Is(err, notifier.ErrPermanent) != test.permanent {
				t.Errorf("%v, permanent: want %v", err, test.permanent)
			}
			later, _ := errors.AsType[*notifier.Later](err)
			if got := map[bool]time.Duration{true: test.after}[later != nil]; got != test.after || later != nil && later.After != test.after {
				t.Errorf("%v: wait %+v, want %v", err, later, test.after)
			}
		})
	}
	if moved {
		t.Error("a redirect was followed")
	}
}

// An answer without end is read a little way, and is a delivery all the same.
func TestFlood(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for range 10_000 {
			if _, err := w.Write([]byte(strings.Repeat("x\x07", 4096))); err != nil {
				return
			}
		}
	}))
	defer receiver.Close()
	answer, err := send(t.Context(), t, config(receiver.URL))
	if err != nil || len(answer) > 2<<10 || strings.ContainsFunc(answer, unicode.IsControl) {
		t.Errorf("answer of %d bytes, %v", len(answer), err)
	}
}

func TestPublicOnly(t *testing.T) {
	reached := false
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer receiver.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(receiver.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		c := config("http://" + host + ":" + port)
		c.PublicOnly = true
		if _, err := send(t.Context(), t, c); !errors.Is(err, post.ErrPrivate) || !errors.Is(err, notifier.ErrPermanent) {
			t.Errorf("%s: %v, want it refused", host, err)
		}
	}
	if reached {
		t.Error("a private address was reached")
	}
}

func TestMistakes(t *testing.T) {
	c := &Config{URL: document.NewSecret("ftp://t0ken@x"), NextSecret: document.NewSecret("x"), User: "a:b", Style: "odd", Headers: map[string]string{"idempotency-key": "x", "a b": "c", "ok": "a\r\nb"}}
	err := c.Validate()
	if err == nil || strings.Contains(err.Error(), "t0ken") {
		t.Fatalf("Validate = %v", err)
	}
	for _, want := range []string{"url", "next_secret", "user", "headers", "style", "timeout"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
	for _, foul := range []string{"", "http://", "://", "http://a b", "http://u:p@h", "javascript:x", "http://%zz"} {
		if config(foul).Validate() == nil {
			t.Errorf("url %q is taken", foul)
		}
	}
}
