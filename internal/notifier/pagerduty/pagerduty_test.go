package pagerduty

import (
	"errors"
	"math"
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
	secret = "s3crets3crets3crets3crets3crets3"
	answer = `{"status":"success","message":"Event processed","dedup_key":"x"}`
)

func made(t *testing.T, server string, timeout time.Duration) notifier.Notifier {
	t.Helper()
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Server, c.RoutingKey, c.Timeout = server, document.NewSecret(secret), timeout
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// An alert's life is one incident's.
func TestLife(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 202, answer })
	p := made(t, server, time.Minute)
	n := notifiertest.Notice()
	n.Link, n.Node = "https://tocsin.example.org/alerts/17", "berlin"
	n.Alert.Value, n.Alert.Peak = math.Inf(1), math.NaN()
	dedup := any(nil)
	for _, step := range []struct {
		change notifier.Change
		state  alert.State
		want   string
	}{{notifier.Create, alert.Open, "trigger"}, {notifier.Update, alert.Open, "trigger"}, {notifier.Update, alert.Acknowledged, "acknowledge"}, {notifier.End, alert.Ended, "resolve"}} {
		n.Change, n.Alert.State = step.change, step.state
		if _, err := p.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		if dedup == nil {
			dedup = got.At("dedup_key")
		}
		if got.Path != "/v2/enqueue" || got.At("event_action") != step.want || got.At("routing_key") != secret || got.At("dedup_key") != dedup {
			t.Errorf("%v: %s", step, got.Raw)
		}
		if (got.At("payload") != nil) != (step.want == "trigger") {
			t.Errorf("%v: %s", step, got.Raw)
		}
		if step.want == "trigger" && (got.At("payload", "severity") != "error" || got.At("payload", "source") != "berlin" || got.At("payload", "component") != "192.0.2.7" ||
			got.At("payload", "timestamp") != "2026-03-04T05:06:07.123456Z" || got.At("links", 0, "href") != n.Link) {
			t.Errorf("%s", got.Raw)
		}
	}
	n.Alert.First = n.Alert.First.Add(-time.Hour) // by a late event
	if _, err := p.Send(t.Context(), n); err != nil || asked()[0].At("dedup_key") != dedup {
		t.Errorf("an alert lost its incident, %v", err)
	}
	n.Alert.ID++
	if _, err := p.Send(t.Context(), n); err != nil || asked()[0].At("dedup_key") == dedup {
		t.Errorf("two alerts share an incident, %v", err)
	}
	for s, want := range map[alert.Severity]string{alert.Critical: "critical", alert.Medium: "warning", alert.Low: "info", alert.Info: "info", 0: "info"} {
		if got := severity(s); got != want {
			t.Errorf("severity(%v) = %s, want %s", s, got, want)
		}
	}
}

func TestMisbehaving(t *testing.T) {
	notifiertest.Misbehave(t, made, secret)
	for _, foul := range []string{"", "<html>", `{"status":"invalid event"}`, `"success"`} {
		server, _ := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 202, foul })
		if _, err := made(t, server, time.Minute).Send(t.Context(), notifiertest.Notice()); err == nil || errors.Is(err, notifier.ErrPermanent) {
			t.Errorf("answer %q: %v", foul, err)
		}
	}
}

func TestHostile(t *testing.T) {
	server, asked := notifiertest.Serve(t, func(notifiertest.Request) (int, string) { return 202, answer })
	p := made(t, server, time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		n := notifiertest.Hostile(t)
		if _, err := p.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		got := asked()[0]
		if got.Body == nil || !utf8.Valid(got.Raw) || len(got.Raw) > 512_000 || got.At("routing_key") != secret {
			t.Fatalf("%d bytes: %s", len(got.Raw), got.Raw)
		}
		if n.Change == notifier.End {
			return
		}
		summary, _ := got.At("payload", "summary").(string)
		if n := utf8.RuneCountInString(summary); n == 0 || n > maxSummary || len(got.Body) != 5 || len(got.Body["payload"].(map[string]any)) > 8 {
			t.Fatalf("summary of %d characters: %s", n, got.Raw)
		}
	})
}

func TestMistakes(t *testing.T) {
	err := (&Config{Server: "x", RoutingKey: document.NewSecret("s3cret")}).Validate()
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("Validate = %v", err)
	}
	for _, want := range []string{"server", "routing_key", "timeout"} {
		if !strings.Contains(err.Error(), want+":") {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
}
