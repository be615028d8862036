package ntfy

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

const answer = `{"id":"hwQ2YpKdmg","time":1741110367,"event":"message","topic":"t0pic"}`

func made(t *testing.T, server string, change func(c *Config)) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Server, c.Topic = server, document.NewSecret("t0pic")
	if change != nil {
		change(c)
	}
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A notice is published as the documentation of ntfy says, and an end replaces what it ends without a sound.
func TestPublished(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, answer })
	n := notifiertest.Notice()
	n.Link = "https://tocsin.example.org/alerts/17"
	said, err := made(t, server, func(c *Config) { c.Token = document.NewSecret("tk_1") }).Send(t.Context(), n)
	if err != nil || said != "200: message hwQ2YpKdmg" {
		t.Fatalf("Send = %q, %v", said, err)
	}
	got := asked()[0]
	if got.Method != http.MethodPost || got.Path != "/" || got.Header.Get("Authorization") != "Bearer tk_1" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("request = %+v", got)
	}
	if got.At("topic") != "t0pic" || got.At("priority") != 4.0 || got.At("tags", 0) != "warning" || got.At("click") != n.Link || got.At("actions", 0, "url") != n.Link ||
		got.At("title") != "[HIGH] Scan of many hosts: 192.0.2.7 (rule ssh-scan)" || !strings.HasPrefix(got.At("message").(string), n.Alert.Reason+"\n") {
		t.Errorf("body = %s", got.Raw)
	}
	sequence := got.At("sequence_id")
	n.Change, n.Alert.State, n.Alert.Severity, n.To = notifier.End, alert.Ended, alert.Critical, "alice-7"
	if _, err := made(t, server, func(c *Config) { c.User, c.Password = "u", document.NewSecret("pw") }).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	got = asked()[0]
	user, password, _ := (&http.Request{Header: got.Header}).BasicAuth()
	if got.At("sequence_id") != sequence || !topic.MatchString(sequence.(string)) || got.At("priority") != 2.0 || got.At("topic") != "alice-7" || user != "u" || password != "pw" {
		t.Errorf("body = %s of %s", got.Raw, user)
	}
	n.To = "a/b"
	if _, err := made(t, server, nil).Send(t.Context(), n); !errors.Is(err, notifier.ErrPermanent) || len(asked()) != 0 {
		t.Errorf("To %q: %v", n.To, err)
	}
}

func TestMisbehaving(t *testing.T) {
	notifiertest.Misbehave(t, func(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
		return made(t, server, func(c *Config) { c.Token, c.Timeout = document.NewSecret("tk_s3cret"), timeout })
	}, "tk_s3cret", "t0pic")
	for _, foul := range []string{"", "<html>Sign in to the guest network</html>", `{"id":""}`, `[]`} {
		server, _ := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, foul })
		if _, err := made(t, server, nil).Send(t.Context(), notifiertest.Notice()); err == nil || errors.Is(err, notifier.ErrPermanent) {
			t.Errorf("answer %q: %v", foul, err)
		}
	}
}

// Whatever stands in a log, the request is one JSON object with our keys, within ntfy's limits.
func TestHostile(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, answer })
	p := made(t, server, nil)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := p.Send(t.Context(), notifiertest.Hostile(t)); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		title, _ := got.At("title").(string)
		text, _ := got.At("message").(string)
		if len(got.Body) != 6 || title == "" || len(title) > maxTitle || text == "" || len(text) > maxMessage || !utf8.Valid(got.Raw) || strings.ContainsRune(title, '\n') {
			t.Fatalf("title of %d bytes, message of %d, body %s", len(title), len(text), got.Raw)
		}
		if got.At("markdown") != nil || got.At("attach") != nil || got.At("topic") != "t0pic" {
			t.Fatalf("body = %s", got.Raw)
		}
	})
}

func TestMistakes(t *testing.T) {
	c := &Config{Server: "ntfy.sh", Topic: document.NewSecret("a b"), Token: document.NewSecret("t"), User: "u"}
	c.Zone = "nowhere"
	err := c.Validate()
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{"server", "topic", "token", "user", "timeout", "zone"} {
		if !strings.Contains(err.Error(), want+":") {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
	c = Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Topic = document.NewSecret("x")
	c.Templates.Text = "{{.Nothing"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "template text") {
		t.Errorf("template: %v", err)
	}
}
