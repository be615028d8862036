package matrix

import (
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

const (
	secret = "syt_s3cret"
	room   = "!a/b?c%d:example.org"
	me     = "@tocsin:example.org"
)

func made(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Server, c.Token, c.Room, c.Timeout = server, document.NewSecret(secret), room, timeout
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A homeserver keeps the events of one room, and knows transactions again.
type homeserver struct {
	mu     sync.Mutex
	events []map[string]any
	known  map[string]string
	fails  string // part of a path that is answered with 500
}

func (h *homeserver) answer(r notifiertest.Request) (int, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	base := "/_matrix/client/v3/rooms/" + url.PathEscape(room)
	switch {
	case h.fails != "" && strings.Contains(r.Path, h.fails):
		return 500, `{"errcode":"M_UNKNOWN"}`
	case r.Header.Get("Authorization") != "Bearer "+secret:
		return 401, `{"errcode":"M_UNKNOWN_TOKEN"}`
	case r.Method == "GET" && r.Path == "/_matrix/client/v3/account/whoami":
		return 200, `{"user_id":"` + me + `"}`
	case r.Method == "GET" && r.Path == base+"/messages":
		return h.messages(r.Query)
	case r.Method == "PUT" && strings.HasPrefix(r.Path, base+"/send/m.room.message/"):
		id, again := h.known[r.Path]
		if !again {
			id = "$event" + strconv.Itoa(len(h.events))
			h.known[r.Path] = id
			h.say(id, me, r.Body)
		}
		return 200, `{"event_id":"` + id + `"}`
	}
	return 404, `{"errcode":"M_UNRECOGNIZED"}`
}

func (h *homeserver) say(id, sender string, content any) {
	h.events = append(h.events, map[string]any{"event_id": id, "sender": sender, "type": "m.room.message", "content": content})
}

// messages gives a page, newest first, from a token that is the number of an event.
func (h *homeserver) messages(q url.Values) (int, string) {
	var filter struct{ Types, Senders []string }
	limit, _ := strconv.Atoi(q.Get("limit"))
	if json.Unmarshal([]byte(q.Get("filter")), &filter) != nil || len(filter.Senders) != 1 || q.Get("dir") != "b" || limit == 0 {
		return 400, `{"errcode":"M_INVALID_PARAM"}`
	}
	from := len(h.events)
	if at := q.Get("from"); at != "" {
		from, _ = strconv.Atoi(at)
	}
	end := max(from-limit, 0)
	page := map[string]any{"start": "x"}
	chunk := []any{}
	for i := from - 1; i >= end; i-- {
		if h.events[i]["sender"] == filter.Senders[0] || filter.Senders[0] == "" {
			chunk = append(chunk, h.events[i])
		}
	}
	page["chunk"] = chunk
	if end > 0 {
		page["end"] = strconv.Itoa(end)
	}
	text, err := json.Marshal(page)
	if err != nil {
		return 500, ""
	}
	return 200, string(text)
}

// A repeat is one message; what follows hangs below the first, found among everything else that was said.
func TestThread(t *testing.T) {
	h := &homeserver{known: map[string]string{}}
	server, asked := notifiertest.Serve(t, h.answer)
	m := made(t, server, time.Minute)
	n := notifiertest.Notice()
	n.Link = "https://tocsin.example.org/alerts/17"
	for range 2 {
		if answer, err := m.Send(t.Context(), n); err != nil || answer != `200 OK: {"event_id":"$event0"}` {
			t.Fatalf("Send = %q, %v", answer, err)
		}
	}
	if len(h.events) != 1 {
		t.Fatalf("%d messages, want 1", len(h.events))
	}
	h.say("$other", "@eve:example.org", map[string]any{"tocsin.alert": h.events[0]["content"].(map[string]any)["tocsin.alert"]})
	for i := range 250 {
		h.say("$noise"+strconv.Itoa(i), me, map[string]any{"body": "x"})
	}
	asked()
	for _, change := range []notifier.Change{notifier.Update, notifier.End} {
		n.Change, n.Key = change, "alert-17-"+string(change)
		if _, err := m.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		all := asked()
		got := all[len(all)-1]
		if got.At("m.relates_to", "rel_type") != "m.thread" || got.At("m.relates_to", "event_id") != "$event0" || got.At("m.relates_to", "m.in_reply_to", "event_id") != "$event0" {
			t.Errorf("%s: %s", change, got.Raw)
		}
	}
	if len(h.events) != 1+1+250+2 {
		t.Errorf("%d messages, want one for each notice", len(h.events))
	}
	n.Alert.ID, n.Key = 18, "alert-18-UPDATE" // whose beginning was never told
	if _, err := m.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if all := asked(); all[len(all)-1].At("m.relates_to") != nil {
		t.Error("an alert hangs below another one")
	}
	h.fails, n.Alert.ID, n.Key = "/messages", 17, "alert-17-again"
	if answer, err := m.Send(t.Context(), n); err != nil || !strings.Contains(answer, "outside of its thread: post to") {
		t.Errorf("without history: %q, %v", answer, err)
	}
	h.fails = ""
	asked()
	n.To = "#name:example.org"
	if _, err := m.Send(t.Context(), n); !errors.Is(err, notifier.ErrPermanent) || len(asked()) != 0 {
		t.Errorf("To %q: %v", n.To, err)
	}
}

func TestMisbehaving(t *testing.T) {
	notifiertest.Misbehave(t, made, secret)
	for body, want := range map[string]time.Duration{`{"retry_after_ms":2500}`: 2500 * time.Millisecond, `{"retry_after_ms":9000000000000000000}`: 6 * time.Hour, `{"retry_after_ms":-1}`: 0, `x`: 0} {
		server, _ := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 429, body })
		_, err := made(t, server, time.Minute).Send(t.Context(), notifiertest.Notice())
		after := time.Duration(0)
		if later, ok := errors.AsType[*notifier.Later](err); ok {
			after = later.After
		}
		if err == nil || after != want {
			t.Errorf("%s: %v, wait %v, want %v", body, err, after, want)
		}
	}
	for _, foul := range []string{"", "<html>", `{"event_id":""}`, `[]`} {
		server, _ := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, foul })
		n := notifiertest.Notice()
		n.Change = notifier.Update
		if _, err := made(t, server, time.Minute).Send(t.Context(), n); err == nil || errors.Is(err, notifier.ErrPermanent) {
			t.Errorf("answer %q: %v", foul, err)
		}
	}
	endless, asked := notifiertest.Serve(t, func(r notifiertest.Request) (int, string) {
		return 200, `{"user_id":"@a:b","chunk":[{"content":[]},{"content":{"tocsin.alert":7}}],"end":"on","event_id":"$x"}`
	})
	n := notifiertest.Notice()
	n.Change = notifier.Update
	if _, err := made(t, endless, time.Minute).Send(t.Context(), n); err != nil || len(asked()) != pages+2 {
		t.Errorf("a history without end: %v", err)
	}
}

// shape is what the HTML looks like: our elements, and inside them characters and whole escapes alone.
var shape = regexp.MustCompile(`^<p><strong><code>((?:[^<>&"']|&(?:amp|lt|gt|quot|#39);)*)</code></strong></p>\n<pre><code>((?:[^<>&"']|&(?:amp|lt|gt|quot|#39);)*)</code></pre>$`)

func TestHostile(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 200, `{"event_id":"$x"}` })
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Server, c.Token, c.Room, c.Thread = server, document.NewSecret(secret), room, false
	m, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		if _, err := m.Send(t.Context(), notifiertest.Hostile(t)); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		formatted, _ := got.At("formatted_body").(string)
		body, _ := got.At("body").(string)
		parts := shape.FindStringSubmatch(formatted)
		if parts == nil || html.UnescapeString(parts[1])+"\n\n"+html.UnescapeString(parts[2]) != body {
			t.Fatalf("body %q, formatted %q", body, formatted)
		}
		mentions, there := got.At("m.mentions").(map[string]any)
		if !there || len(mentions) != 0 || got.At("msgtype") != "m.text" || len(got.Body) != 6 || len(got.Raw) > 60<<10 {
			t.Fatalf("%d bytes: %s", len(got.Raw), got.Raw)
		}
	})
}

func TestMistakes(t *testing.T) {
	err := (&Config{Server: "x", Token: document.NewSecret("s3cret\n"), Room: "#name:example.org"}).Validate()
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("Validate = %v", err)
	}
	for _, want := range []string{"server", "token", "room", "timeout"} {
		if !strings.Contains(err.Error(), want+":") {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
}
