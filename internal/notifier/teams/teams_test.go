package teams

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

func made(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.URL, c.Timeout = document.NewSecret(server+"/workflows/s3cretflow/invoke?api-version=1&sig=s1gnature"), timeout
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDealt(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 202, "" })
	n := notifiertest.Notice()
	n.Link = "https://tocsin.example.org/alerts/17"
	d := made(t, server, time.Minute)
	if said, err := d.Send(t.Context(), n); err != nil || said != "202 Accepted" {
		t.Fatalf("Send = %q, %v", said, err)
	}
	got := asked()[0]
	content := func(keys ...any) any { return got.At(append([]any{"attachments", 0, "content"}, keys...)...) }
	if got.Path != "/workflows/s3cretflow/invoke" || got.Query.Get("sig") != "s1gnature" || got.At("type") != "message" ||
		got.At("attachments", 0, "contentType") != "application/vnd.microsoft.card.adaptive" || content("type") != "AdaptiveCard" ||
		content("body", 0, "inlines", 0, "color") != "attention" || content("actions", 0, "url") != n.Link {
		t.Errorf("%s: %s", got.Path, got.Raw)
	}
	n.Change = notifier.End
	if _, err := d.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if got = asked()[0]; content("body", 0, "inlines", 0, "color") != "good" {
		t.Errorf("an end: %s", got.Raw)
	}
}

func TestMisbehaving(t *testing.T) {
	notifiertest.Misbehave(t, made, "s3cretflow", "s1gnature")
}

// Whatever stands in a log, the only texts of a card are those of runs, it mentions nobody, and it is not too long.
func TestHostile(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 202, "" })
	d := made(t, server, time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := d.Send(t.Context(), notifiertest.Hostile(t)); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		var sent envelope
		strict := json.NewDecoder(strings.NewReader(string(got.Raw)))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&sent); err != nil || len(got.Raw) > 28_000 || !utf8.Valid(got.Raw) {
			t.Fatalf("%d bytes, %v", len(got.Raw), err)
		}
		c := sent.Attachments[0].Content
		if len(sent.Attachments) != 1 || len(c.Body) != 2 || len(c.Actions) != 0 || len(c.Teams) != 1 || c.Teams["width"] != "Full" {
			t.Fatalf("card = %+v", c)
		}
		for _, b := range c.Body {
			if b.Type != "RichTextBlock" || len(b.Inlines) != 1 || b.Inlines[0].Type != "TextRun" || b.Inlines[0].Text == "" {
				t.Fatalf("block = %+v", b)
			}
		}
	})
}

func TestMistakes(t *testing.T) {
	for _, foul := range []string{"", "s3cret", "https://user:s3cret@host/x"} {
		err := (&Config{URL: document.NewSecret(foul)}).Validate()
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "url:") || !strings.Contains(err.Error(), "timeout:") {
			t.Errorf("%q: %v", foul, err)
		}
	}
}
