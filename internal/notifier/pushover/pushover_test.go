package pushover

import (
	"errors"
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

const (
	token  = "as3cretas3cretas3cretas3cretas"
	user   = "us3cretus3cretus3cretus3cretus"
	answer = `{"status":1,"request":"647d2300-702c-4b38-8b2f-d56326ae460b"}`
)

func settings(server string) *Config {
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Server, c.Token, c.User = server, document.NewSecret(token), document.NewSecret(user)
	return c
}

func made(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
	t.Helper()
	c := settings(server)
	c.Timeout = timeout
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPushed(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, answer })
	n := notifiertest.Notice()
	n.Link, n.Alert.Severity = "https://tocsin.example.org/alerts/17", alert.Critical
	if _, err := made(t, server, time.Minute).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	got := asked()[0]
	if got.Path != "/1/messages.json" || got.At("token") != token || got.At("user") != user || got.At("priority") != 1.0 || got.At("retry") != nil || got.At("url") != n.Link {
		t.Errorf("%s: %s", got.Path, got.Raw)
	}
	c := settings(server)
	c.Emergency = true
	p, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	n.To, n.Link = strings.Repeat("g", 30), "https://tocsin.example.org/"+strings.Repeat("x", 600)
	if _, err := p.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if got = asked()[0]; got.At("priority") != 2.0 || got.At("retry") != 60.0 || got.At("expire") != 3600.0 || got.At("user") != n.To || got.At("url") != nil {
		t.Errorf("emergency: %s", got.Raw)
	}
	n.Change = notifier.End
	if _, err := p.Send(t.Context(), n); err != nil || asked()[0].At("priority") != -1.0 {
		t.Errorf("an end: %v", err)
	}
	n.To = "bob"
	if _, err := p.Send(t.Context(), n); !errors.Is(err, notifier.ErrPermanent) || len(asked()) != 0 {
		t.Errorf("To %q: %v", n.To, err)
	}
}

func TestMisbehaving(t *testing.T) {
	notifiertest.Misbehave(t, made, token, user)
	for _, foul := range []string{"", "<html>", `{"status":0}`, `[]`} {
		server, _ := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, foul })
		if _, err := made(t, server, time.Minute).Send(t.Context(), notifiertest.Notice()); err == nil || errors.Is(err, notifier.ErrPermanent) {
			t.Errorf("answer %q: %v", foul, err)
		}
	}
}

func TestHostile(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, answer })
	p := made(t, server, time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := p.Send(t.Context(), notifiertest.Hostile(t)); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		title, _ := got.At("title").(string)
		text, _ := got.At("message").(string)
		if len(got.Body) != 6 || utf8.RuneCountInString(title) > maxTitle || text == "" || utf8.RuneCountInString(text) > maxMessage || got.At("user") != user {
			t.Fatalf("body = %s", got.Raw)
		}
	})
}

func TestMistakes(t *testing.T) {
	err := (&Config{Server: "x", Token: document.NewSecret("s3cret"), User: document.NewSecret("s3cret")}).Validate()
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("Validate = %v", err)
	}
	for _, want := range []string{"server", "token", "user", "timeout"} {
		if !strings.Contains(err.Error(), want+":") {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
}
