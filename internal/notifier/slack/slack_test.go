package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

const secret = "xoxb-1-s3cret"

func robot(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Server, c.Token, c.Channel, c.Timeout = server, document.NewSecret(secret), "C024BE91L", timeout
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func webhook(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.URL, c.Timeout = document.NewSecret(server+"/services/T0/B0/s3crethook"), timeout
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A workspace has one channel, and keeps what is posted to it.
type workspace struct {
	mu     sync.Mutex
	posts  []map[string]any  // oldest first
	fails  map[string]string // error by method, once each
	breaks string            // method that is carried out, but whose answer is lost
}

func (w *workspace) answer(r notifiertest.Request) (int, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	method := strings.TrimPrefix(r.Path, "/")
	if code, fails := w.fails[method]; fails {
		delete(w.fails, method)
		return 200, `{"ok":false,"error":"` + code + `"}`
	}
	if r.Header.Get("Authorization") != "Bearer "+secret {
		return 200, `{"ok":false,"error":"invalid_auth"}`
	}
	body := w.do(method, r)
	if w.breaks == method {
		w.breaks = ""
		return 500, ""
	}
	return 200, body
}

func (w *workspace) do(method string, r notifiertest.Request) string {
	switch method {
	case "chat.postMessage":
		post := map[string]any{"ts": fmt.Sprintf("17000%05d.000100", len(w.posts))}
		for k, v := range r.Body {
			post[k] = v
		}
		w.posts = append(w.posts, post)
		return `{"ok":true,"channel":"C024BE91L","ts":"` + post["ts"].(string) + `"}`
	case "chat.update":
		for _, p := range w.posts {
			if p["ts"] == r.At("ts") {
				p["text"], p["blocks"], p["metadata"] = r.At("text"), r.At("blocks"), r.At("metadata")
				return `{"ok":true}`
			}
		}
		return `{"ok":false,"error":"message_not_found"}`
	case "conversations.history", "conversations.replies":
		return w.history(r)
	}
	return `{"ok":false,"error":"unknown_method"}`
}

func (w *workspace) history(r notifiertest.Request) string {
	limit, _ := strconv.Atoi(r.Query.Get("limit"))
	from := len(w.posts)
	if at := r.Query.Get("cursor"); at != "" {
		from, _ = strconv.Atoi(at)
	}
	if limit == 0 || r.Query.Get("include_all_metadata") != "true" || r.Query.Get("channel") != "C024BE91L" {
		return `{"ok":false,"error":"invalid_arguments"}`
	}
	found := []any{}
	i := from - 1
	for ; i >= 0 && len(found) < limit; i-- {
		if p := w.posts[i]; p["thread_ts"] == nil && r.Query.Get("ts") == "" || p["thread_ts"] == r.Query.Get("ts") || p["ts"] == r.Query.Get("ts") {
			found = append(found, p)
		}
	}
	page := map[string]any{"ok": true, "messages": found}
	if i >= 0 {
		page["response_metadata"] = map[string]string{"next_cursor": strconv.Itoa(i + 1)}
	}
	text, err := json.Marshal(page)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// An alert's life is one message that changes, with a thread; whatever is sent again, also when an answer was lost, is there once.
func TestThread(t *testing.T) {
	w := &workspace{fails: map[string]string{}}
	server, _ := notifiertest.Serve(t, w.answer)
	b := robot(t, server, time.Minute)
	n := notifiertest.Notice()
	send := func(wantErr bool) string {
		t.Helper()
		said, err := b.Send(t.Context(), n)
		if (err != nil) != wantErr {
			t.Fatalf("Send of %s, attempt %d = %q, %v", n.Key, n.Attempt, said, err)
		}
		return said
	}
	w.breaks = "chat.postMessage"
	send(true)
	n.Attempt = 2
	if said := send(false); !strings.Contains(said, "there already") || len(w.posts) != 1 {
		t.Fatalf("%q, %d messages", said, len(w.posts))
	}
	for i := range 450 {
		w.posts = append(w.posts, map[string]any{"ts": fmt.Sprintf("1600%06d.1", i), "text": "other talk"})
	}
	n.Change, n.Key, n.Attempt, n.Alert.Title = notifier.Update, "alert-17-2-UPDATE", 1, "Scan goes on"
	w.breaks = "chat.postMessage"
	send(true)
	n.Attempt = 2
	send(false)
	n.Change, n.Key, n.Attempt = notifier.End, "alert-17-3-END", 1
	send(false)
	n.Attempt = 2
	if said := send(false); !strings.Contains(said, "there already") {
		t.Errorf("a repeat: %q", said)
	}
	answers := 0
	for _, p := range w.posts {
		if p["thread_ts"] == w.posts[0]["ts"] {
			answers++
		}
	}
	if answers != 2 || len(w.posts) != 453 || !strings.Contains(fmt.Sprint(w.posts[0]["text"]), "ended: Scan goes on") {
		t.Errorf("%d answers, %d messages, first %v", answers, len(w.posts), w.posts[0])
	}
	n.Alert.ID, n.Key, n.Attempt = 18, "alert-18-2-UPDATE", 1 // whose beginning was never told
	if said := send(false); strings.Contains(said, "below") || w.posts[len(w.posts)-1]["thread_ts"] != nil {
		t.Errorf("an alert hangs below another one: %q", said)
	}
}

// What the bot may not do costs the thread, not the notice.
func TestRefused(t *testing.T) {
	w := &workspace{fails: map[string]string{}}
	server, _ := notifiertest.Serve(t, w.answer)
	b := robot(t, server, time.Minute)
	n := notifiertest.Notice()
	if _, err := b.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	n.Change, n.Key = notifier.Update, "2"
	w.fails["conversations.history"] = "missing_scope"
	if said, err := b.Send(t.Context(), n); err != nil || !strings.Contains(said, "outside of its thread") || !strings.Contains(said, "channels:history") {
		t.Errorf("missing scope: %q, %v", said, err)
	}
	n.Key, w.fails["chat.update"] = "3", "cant_update_message"
	if said, err := b.Send(t.Context(), n); err != nil || !strings.Contains(said, "not changed") {
		t.Errorf("no update: %q, %v", said, err)
	}
	for code, test := range map[string]struct {
		want      string
		permanent bool
	}{
		"invalid_auth": {"check token", false}, "not_in_channel": {"invite the bot", false}, "internal_error": {"internal_error", false}, "invalid_blocks": {"invalid_blocks", true},
		"Ev1l\u202e<x>": {"not one of Slack", false},
	} {
		n.Change, w.fails["chat.postMessage"] = notifier.Create, code
		if _, err := b.Send(t.Context(), n); err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, notifier.ErrPermanent) != test.permanent {
			t.Errorf("%s: %v", code, err)
		}
	}
	before := len(w.posts)
	n.To = "general"
	if _, err := b.Send(t.Context(), n); !errors.Is(err, notifier.ErrPermanent) || len(w.posts) != before {
		t.Errorf("To %q: %v", n.To, err)
	}
	n.To, n.Change = "U012AB3CD", notifier.Update
	if said, err := b.Send(t.Context(), n); err != nil || strings.Contains(said, "outside") || w.posts[before]["channel"] != "U012AB3CD" {
		t.Errorf("a private message: %q, %v", said, err)
	}
}

func TestWebhook(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, "ok" })
	n := notifiertest.Notice()
	n.Link = "https://tocsin.example.org/alerts/17?a=1&b=<|>"
	if said, err := webhook(t, server, time.Minute).Send(t.Context(), n); err != nil || said != "200 OK: ok" {
		t.Fatalf("Send = %q, %v", said, err)
	}
	got := asked()[0]
	if got.Path != "/services/T0/B0/s3crethook" || got.At("channel") != nil || got.At("metadata") != nil ||
		got.At("blocks", 2, "elements", 0, "text") != "<https://tocsin.example.org/alerts/17?a=1&amp;b=&lt;%7C&gt;|Open alert>" {
		t.Errorf("%s: %s", got.Path, got.Raw)
	}
}

func TestMisbehaving(t *testing.T) {
	t.Run("bot", func(t *testing.T) { notifiertest.Misbehave(t, robot, secret) })
	t.Run("webhook", func(t *testing.T) { notifiertest.Misbehave(t, webhook, "s3crethook") })
	for _, foul := range []string{"", "<html>", `{"ok":false}`, `[]`} {
		server, _ := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, foul })
		for name, s := range map[string]notifier.Notifier{"bot": robot(t, server, time.Minute), "webhook": webhook(t, server, time.Minute)} {
			if _, err := s.Send(t.Context(), notifiertest.Notice()); err == nil || errors.Is(err, notifier.ErrPermanent) {
				t.Errorf("%s, answer %q: %v", name, foul, err)
			}
		}
	}
	endless, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) {
		return 200, `{"ok":true,"ts":"1.2","messages":[{"ts":"7.0","metadata":{"event_type":"other","event_payload":{"alert":[],"key":7}}},{"ts":"8.0","metadata":{"event_type":"tocsin_alert","event_payload":[]}}],"response_metadata":{"next_cursor":"on"}}`
	})
	n := notifiertest.Notice()
	n.Change = notifier.Update
	if _, err := robot(t, endless, time.Minute).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if calls := len(asked()); calls != pages+1 {
		t.Errorf("%d calls for a history without end", calls)
	}
}

// clean is text in which nothing is markup to Slack: no bracket, and no ampersand but of a whole escape.
var clean = regexp.MustCompile(`^(?:[^<>&]|&(?:amp|lt|gt);)*$`)

func TestHostile(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, "ok" })
	h := webhook(t, server, time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := h.Send(t.Context(), notifiertest.Hostile(t)); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		fallback, _ := got.At("text").(string)
		if got.At("mrkdwn") != false || fallback == "" || !clean.MatchString(fallback) || len(got.Body) != 5 {
			t.Fatalf("%s", got.Raw)
		}
		blocks, _ := got.At("blocks").([]any)
		for i, most := range []int{maxHeader, maxSection} {
			said, _ := got.At("blocks", i, "text", "text").(string)
			if n := len(utf16.Encode([]rune(said))); len(blocks) != 2 || n == 0 || n > most || !clean.MatchString(said) || got.At("blocks", i, "text", "type") != "plain_text" ||
				got.At("blocks", i, "text", "emoji") != false {
				t.Fatalf("block %d of %d characters: %s", i, n, got.Raw)
			}
		}
	})
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct {
		c    Config
		want []string
	}{
		{Config{}, []string{"url", "server", "timeout"}},
		{Config{URL: document.NewSecret("s3cret"), Channel: "#general"}, []string{"url", "channel"}},
		{Config{URL: document.NewSecret("https://x/s3cret"), Token: document.NewSecret("xoxb-1")}, []string{"url", "channel"}},
		{Config{Token: document.NewSecret("s3cret\n"), Channel: "general"}, []string{"token", "channel"}},
	} {
		err := test.c.Validate()
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Fatalf("Validate = %v", err)
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want+":") {
				t.Errorf("error does not speak of %s:\n%v", want, err)
			}
		}
	}
}
