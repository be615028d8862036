package gotify

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

const (
	secret = "As3cret"
	answer = `{"id":25,"appid":5,"message":"x","title":"y","priority":8}`
)

func made(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Server, c.Token, c.Timeout = server, document.NewSecret(secret), timeout
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPushed(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, answer })
	n := notifiertest.Notice()
	n.Link = "https://tocsin.example.org/alerts/17"
	said, err := made(t, server+"/gotify/", time.Minute).Send(t.Context(), n)
	if err != nil || said != "200: message 25" {
		t.Fatalf("Send = %q, %v", said, err)
	}
	got := asked()[0]
	if got.Path != "/gotify/message" || got.Header.Get("X-Gotify-Key") != secret || got.At("priority") != 8.0 || got.At("extras", "client::notification", "click", "url") != n.Link {
		t.Errorf("%s: %s", got.Path, got.Raw)
	}
	n.Change = notifier.End
	if _, err := made(t, server, time.Minute).Send(t.Context(), n); err != nil || asked()[0].At("priority") != 1.0 {
		t.Errorf("an end: %v", err)
	}
}

func TestMisbehaving(t *testing.T) {
	notifiertest.Misbehave(t, made, secret)
	for _, foul := range []string{"", "<html>", `{"id":0}`, `[]`} {
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
		if len(got.Body) != 4 || utf8.RuneCountInString(title) > maxTitle || text == "" || len(text) > maxMessage || got.At("extras", "client::display", "contentType") != "text/plain" {
			t.Fatalf("body = %s", got.Raw)
		}
	})
}

func TestMistakes(t *testing.T) {
	err := (&Config{Server: "x", Token: document.NewSecret("s3cret\r\nX-Other: y")}).Validate()
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("Validate = %v", err)
	}
	for _, want := range []string{"server", "token", "timeout"} {
		if !strings.Contains(err.Error(), want+":") {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
}
