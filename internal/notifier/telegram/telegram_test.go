package telegram

import (
	"errors"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

const (
	secret = "123456:s3cret-s3cret-s3cret"
	answer = `{"ok":true,"result":{"message_id":42}}`
)

func made(t *testing.T, server string, change func(c *Config)) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Server, c.Token, c.Chat = server, document.NewSecret(secret), "-1001"
	if change != nil {
		change(c)
	}
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSent(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, answer })
	n := notifiertest.Notice()
	n.Link = "https://tocsin.example.org/alerts/17"
	said, err := made(t, server, func(c *Config) { c.Topic = 7 }).Send(t.Context(), n)
	if err != nil || said != "200: message 42" {
		t.Fatalf("Send = %q, %v", said, err)
	}
	got := asked()[0]
	if got.Path != "/bot"+secret+"/sendMessage" || got.At("chat_id") != "-1001" || got.At("message_thread_id") != 7.0 || got.At("parse_mode") != "HTML" ||
		got.At("disable_notification") != false || got.At("reply_markup", "inline_keyboard", 0).([]any)[0].(map[string]any)["url"] != n.Link {
		t.Errorf("%s: %s", got.Path, got.Raw)
	}
	n.Change, n.To = notifier.End, "@alice_7"
	if _, err := made(t, server, nil).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if got = asked()[0]; got.At("disable_notification") != true || got.At("chat_id") != "@alice_7" {
		t.Errorf("%s", got.Raw)
	}
	n.To = "7&text=x"
	if _, err := made(t, server, nil).Send(t.Context(), n); !errors.Is(err, notifier.ErrPermanent) || len(asked()) != 0 {
		t.Errorf("To %q: %v", n.To, err)
	}
}

// Telegram says in JSON when to come again, and where a chat has gone.
func TestParameters(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   time.Duration
	}{
		"wait":          {429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`, 35 * time.Second},
		"wait for ever": {429, `{"ok":false,"parameters":{"retry_after":9223372036854775807}}`, 6 * time.Hour},
		"wait never":    {429, `{"ok":false,"parameters":{"retry_after":-5}}`, 0},
	} {
		server, _ := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return test.status, test.body })
		_, err := made(t, server, nil).Send(t.Context(), notifiertest.Notice())
		after := time.Duration(0)
		if later, ok := errors.AsType[*notifier.Later](err); ok {
			after = later.After
		}
		if err == nil || errors.Is(err, notifier.ErrPermanent) || after != test.want {
			t.Errorf("%s: %v, wait %v, want %v", name, err, after, test.want)
		}
	}
	server, asked := notifiertest.Serve(t, func(r notifiertest.Request) (int, string) {
		if r.At("chat_id") == "-1001" {
			return 400, `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-100777}}`
		}
		return 200, answer
	})
	if said, err := made(t, server, nil).Send(t.Context(), notifiertest.Notice()); err != nil || !strings.Contains(said, "-100777") || len(asked()) != 2 {
		t.Errorf("moved chat: %q, %v", said, err)
	}
	server, asked = notifiertest.Serve(t, func(notifiertest.Request) (int, string) {
		return 400, `{"ok":false,"parameters":{"migrate_to_chat_id":-100777}}`
	})
	if _, err := made(t, server, nil).Send(t.Context(), notifiertest.Notice()); err == nil || len(asked()) != 2 {
		t.Errorf("a chat that moves for ever: %v", err)
	}
	server, _ = notifiertest.Serve(t, func(notifiertest.Request) (int, string) {
		return 400, `{"ok":false,"description":"Bad Request: chat not found"}`
	})
	if _, err := made(t, server, nil).Send(t.Context(), notifiertest.Notice()); err == nil || errors.Is(err, notifier.ErrPermanent) || !strings.Contains(err.Error(), "check chat") {
		t.Errorf("no chat: %v", err)
	}
}

func TestMisbehaving(t *testing.T) {
	notifiertest.Misbehave(t, func(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
		return made(t, server, func(c *Config) { c.Timeout = timeout })
	}, secret, "s3cret")
	for _, foul := range []string{"", "<html>", `{"ok":false}`, `[]`} {
		server, _ := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, foul })
		if _, err := made(t, server, nil).Send(t.Context(), notifiertest.Notice()); err == nil || errors.Is(err, notifier.ErrPermanent) {
			t.Errorf("answer %q: %v", foul, err)
		}
	}
}

// shape is what a message looks like: our two elements, and inside them characters and whole escapes alone.
var shape = regexp.MustCompile(`^<code>((?:[^<>&"]|&(?:amp|lt|gt|quot);)*)</code>(?:\n<pre>((?:[^<>&"]|&(?:amp|lt|gt|quot);)*)</pre>)?$`)

func TestHostile(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, answer })
	b := made(t, server, nil)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := b.Send(t.Context(), notifiertest.Hostile(t)); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		text, _ := got.At("text").(string)
		parts := shape.FindStringSubmatch(text)
		if parts == nil || got.At("chat_id") != "-1001" {
			t.Fatalf("text = %q", text)
		}
		if n := size(html.UnescapeString(parts[1])) + size(html.UnescapeString(parts[2])) + 1; n > maxText {
			t.Fatalf("text of %d characters", n)
		}
	})
}

func TestMistakes(t *testing.T) {
	c := &Config{Server: "x", Token: document.NewSecret("bot123/../s3cret"), Chat: "alice", Topic: -1}
	err := c.Validate()
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("Validate = %v", err)
	}
	for _, want := range []string{"server", "token", "chat", "topic", "timeout"} {
		if !strings.Contains(err.Error(), want+":") {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
}
