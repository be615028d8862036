package shoutrrr

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

const secret = "s3crettoken"

// mattermost is the URL of a service that talks to a server on loopback in the clear, and bark that of another.
func mattermost(server string) string {
	return "mattermost://" + strings.TrimPrefix(server, "http://") + "/" + secret + "?disabletls=yes"
}

func bark(server string) string {
	return "bark://:" + secret + "@" + strings.TrimPrefix(server, "http://") + "/?scheme=http"
}

func made(t *testing.T, url string, timeout time.Duration) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.URL, c.Timeout = document.NewSecret(url), timeout
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSent(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, `{"code":200,"message":"success"}` })
	n := notifiertest.Notice()
	n.Link = "https://tocsin.example.org/alerts/17"
	for url, key := range map[string]string{mattermost(server): "text", bark(server): "body"} {
		s := made(t, url, time.Minute)
		for range 2 * most { // the instances come back
			if said, err := s.Send(t.Context(), n); err != nil || !strings.HasPrefix(said, "taken by ") {
				t.Fatalf("Send = %q, %v", said, err)
			}
		}
		for _, got := range asked() {
			text, _ := got.At(key).(string)
			if !strings.Contains(text, "Scan of many hosts: 192.0.2.7") || !strings.HasSuffix(text, "\n"+n.Link) {
				t.Errorf("%s: %s", got.Path, got.Raw)
			}
		}
	}
}

// Whatever goes wrong, no word of the URL is told.
func TestMisbehaving(t *testing.T) {
	for name, test := range map[string]struct {
		serve     http.HandlerFunc
		want      string
		permanent bool
	}{
		"refuses for good": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422) }, "422", true},
		"knows us not":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "403", false},
		"is busy":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "503", false},
		"breaks off":       {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "not taken", false},
		"never answers":    {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "no answer", false},
		"tells what it was told": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, r.RequestURI+string(body))
		}, "send by", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.serve)
			defer func() { server.CloseClientConnections(); server.Close() }()
			for _, url := range []string{mattermost(server.URL), bark(server.URL)} {
				timeout := 20 * time.Second
				if name == "never answers" {
					timeout = 200 * time.Millisecond
				}
				answer, err := made(t, url, timeout).Send(t.Context(), notifiertest.Notice())
				if err == nil || errors.Is(err, notifier.ErrPermanent) != test.permanent || strings.HasPrefix(url, "matter") && !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want %q in it, permanent: %v", err, test.want, test.permanent)
				}
				if err != nil && strings.Contains(err.Error()+answer, secret) {
					t.Errorf("%v tells a secret", err)
				}
			}
		})
	}
	nobody := fmt.Sprintf("http://127.0.0.1:%d", notifiertest.Free(t, "tcp"))
	if _, err := made(t, mattermost(nobody), time.Minute).Send(t.Context(), notifiertest.Notice()); err == nil || !strings.Contains(err.Error(), "nothing listens there") {
		t.Errorf("nobody there: %v", err)
	}
}

// A service that never answers holds up nobody for longer than the timeout, and a few attempts at the most.
func TestHangs(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
		_, _ = io.WriteString(w, `{"code":200}`)
	}))
	defer server.Close()
	s := made(t, bark(server.URL), 200*time.Millisecond)
	for i := range most + 2 {
		_, err := s.Send(t.Context(), notifiertest.Notice())
		want := "no answer within 200ms"
		if i >= most {
			want = "4 attempts before this one still wait"
		}
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, notifier.ErrPermanent) {
			t.Errorf("attempt %d: %v, want %q", i, err, want)
		}
	}
	close(release)
	for { // the deadline is that of the test
		if _, err := s.Send(t.Context(), notifiertest.Notice()); err == nil {
			break
		}
	}
}

func TestHostile(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, "ok" })
	s := made(t, mattermost(server), time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := s.Send(t.Context(), notifiertest.Hostile(t)); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		text, _ := got.At("text").(string)
		if n := utf8.RuneCountInString(text); n == 0 || n > maxText || !utf8.Valid(got.Raw) {
			t.Fatalf("text of %d characters", n)
		}
		for _, begin := range []string{"@", "<", "]", "`"} {
			if strings.Count(text, begin) != strings.Count(text, begin+nothing) {
				t.Fatalf("text = %q", text)
			}
		}
	})
}

func TestMistakes(t *testing.T) {
	for address, want := range map[string]string{
		"": "SERVICE://", "s3cret": "SERVICE://", "logger://s3cret": "SERVICE://", "xmpp://s3cret": "SERVICE://", "discord://s3cret%zz": "SERVICE://", "slack://s3cret": "use the notifier slack",
		"SMTP://u:s3cret@host/": "use the notifier mail", "generic+https://s3cret": "use the notifier webhook",
	} {
		err := (&Config{URL: document.NewSecret(address)}).Validate()
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "timeout:") {
			t.Errorf("%q: %v", address, err)
		}
	}
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.URL = document.NewSecret("discord://s3cret")
	if _, err := c.New(); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("half a URL: %v", err)
	}
	for _, name := range services() {
		if _, known := own(name); known {
			t.Errorf("%s is both refused and taken", name)
		}
	}
}
