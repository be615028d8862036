package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/delivery"
	"tocsin/internal/fault"
	"tocsin/internal/notifier"
)

// A pager keeps what it was sent.
type pager chan notifier.Notice

func (p pager) Send(_ context.Context, n notifier.Notice) (string, error) {
	p <- n
	return "took it", nil
}

// muted is a running tocsin with a pager and a rule.
type muted struct {
	*testing.T

	svc   api.Service
	ctx   context.Context //nolint:containedctx // of the test
	pager pager
	sent  []string // "CREATE 192.0.2.1", in order
}

func newMuted(t *testing.T, over string) *muted {
	t.Helper()
	p := make(pager, 1000)
	m := &muted{T: t, pager: p, ctx: api.As(t.Context(), api.Local())}
	m.svc = running(t, true, func(s *Setup) {
		s.Config.Detect.Lateness = time.Millisecond
		s.routes = []route{{Channel: delivery.Channel{Name: "pager", Notifier: p}}}
	}).Service()
	text := "name: r\nfrom: log\nwhere: message == \"x\"\ndetect: {threshold: {by: [source.ip], over: " + over + ", at_least: 1}}\nseverity: CRITICAL\n"
	if _, err := m.svc.PutRule(m.ctx, api.RuleEdit{Text: text}); err != nil {
		t.Fatal(err)
	}
	return m
}

// post sends an event of each address.
func (m *muted) post(addresses ...string) {
	m.Helper()
	for _, address := range addresses {
		line := fmt.Sprintf(`{"@timestamp":%q,"message":"x","source.ip":%q}`, time.Now().UTC().Format(time.RFC3339Nano), address)
		if _, err := m.svc.Append(m.ctx, api.AppendRequest{}, strings.NewReader(line)); err != nil {
			m.Fatal(err)
		}
	}
}

// until waits for ok; meanwhile is called now and then.
func (m *muted) until(what string, meanwhile func(), ok func() bool) {
	m.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	var last time.Time
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-look.C {
		if meanwhile != nil && time.Since(last) > 2500*time.Millisecond {
			last = time.Now()
			meanwhile()
		}
		for more := true; more; {
			select {
			case n := <-m.pager:
				m.sent = append(m.sent, string(n.Change)+" "+n.Alert.Entity.String())
			default:
				more = false
			}
		}
		if ok() {
			return
		}
	}
	m.Fatalf("not %s; sent %q", what, m.sent)
}

func (m *muted) was(sent string) func() bool {
	return func() bool { return strings.Contains(strings.Join(m.sent, ","), sent) }
}

// alerts returns the alerts by their entities.
func (m *muted) alerts() map[string]alert.Alert {
	m.Helper()
	found, err := m.svc.Alerts(m.ctx, api.AlertRequest{User: "*"})
	if err != nil {
		m.Fatal(err)
	}
	all := map[string]alert.Alert{}
	for _, a := range found {
		all[a.Entity.String()] = a
	}
	return all
}

func (m *muted) add(q api.MuteEdit) api.Mute {
	m.Helper()
	a, err := m.svc.AddMute(m.ctx, q)
	if err != nil {
		m.Fatal(err)
	}
	return a.Mute
}

func (m *muted) mute(id int64) api.Mute {
	m.Helper()
	found, err := m.svc.Mutes(m.ctx, api.MuteRequest{ID: id})
	if err != nil || len(found) != 1 {
		m.Fatalf("mute %d: %v, %v", id, found, err)
	}
	return found[0]
}

// A silence keeps notices back, those of CRITICAL alerts too, and says so where the alert is shown. When it ends, what still
// stands is told. One until its alert is resolved ends with it.
func TestSilences(t *testing.T) {
	m := newMuted(t, "1h")
	silence := m.add(api.MuteEdit{Kind: api.Silence, Where: `source.ip == "192.0.2.1"`, Note: "known", Ends: time.Now().Add(time.Hour)})
	m.post("192.0.2.1", "192.0.2.2")
	m.until("told of the other", nil, m.was("CREATE 192.0.2.2"))
	m.until("there", nil, func() bool { return m.alerts()["192.0.2.1"].ID != 0 })
	if len(m.sent) != 1 {
		t.Errorf("sent %q, want the notice about the other alone", m.sent)
	}
	if got := m.mute(silence.ID); got.Hits != 1 || got.LastHit.IsZero() {
		t.Errorf("the silence has %d hits, want 1", got.Hits)
	}
	hidden := m.alerts()["192.0.2.1"]
	story, err := m.svc.AlertStory(m.ctx, hidden.ID)
	if err != nil || hidden.State != alert.Open || len(story.Notices) != 1 || story.Notices[0].State != "muted" {
		t.Errorf("the hidden alert: %+v, %v, want it open with a notice that is muted", story, err)
	}
	// One that ends soon may do so before it hides anything, on a busy machine: then a longer one is tried.
	for life := 2 * time.Second; ; life *= 2 {
		address := fmt.Sprintf("192.0.2.%d", 10+life/time.Second)
		short := m.add(api.MuteEdit{Kind: api.Silence, Where: fmt.Sprintf("source.ip == %q", address), Note: "known", Ends: time.Now().Add(life)})
		m.post(address)
		m.until("told when the silence ends", nil, m.was("CREATE "+address))
		got := m.mute(short.ID)
		if got.State != api.MuteExpired {
			t.Errorf("the silence is %s", got.State)
		}
		if got.Hits == 1 {
			break
		}
		if life >= 16*time.Second {
			t.Fatalf("a silence of %s hides nothing: %+v", life, got)
		}
	}

	resolved := m.add(api.MuteEdit{Kind: api.Silence, Alert: hidden.ID, Note: "being fixed", Ends: time.Now().Add(time.Hour), UntilResolved: true})
	if _, err := m.svc.ActOnAlert(m.ctx, api.AlertAct{ID: m.alerts()["192.0.2.2"].ID, Act: api.Close, Disposition: "true"}); err != nil {
		t.Fatal(err)
	}
	m.until("told of the end of the other", nil, m.was("END 192.0.2.2"))
	if got := m.mute(resolved.ID); got.State != api.MuteActive {
		t.Errorf("the silence of one alert is %s when another ends", got.State)
	}
	if _, err := m.svc.ActOnAlert(m.ctx, api.AlertAct{ID: hidden.ID, Act: api.Close, Disposition: "true"}); err != nil {
		t.Fatal(err)
	}
	m.until("ended with its alert", nil, func() bool { got := m.mute(resolved.ID); return got.State == api.MuteEnded && got.EndedBy == "" })
}

// A silence that somebody ends early tells of what it hid, in one summary.
func TestSilenceEndedEarly(t *testing.T) {
	m := newMuted(t, "1h")
	silence := m.add(api.MuteEdit{Kind: api.Window, All: true, Note: "deploy", Ends: time.Now().Add(time.Hour)})
	m.post("192.0.2.1", "192.0.2.2", "192.0.2.3")
	m.until("there", nil, func() bool { return len(m.alerts()) == 3 })
	if len(m.sent) != 0 {
		t.Errorf("sent %q during the window", m.sent)
	}
	if _, err := m.svc.EndMute(m.ctx, api.MuteEnd{ID: silence.ID}); err != nil {
		t.Fatal(err)
	}
	m.until("told in a summary", nil, m.was("SUMMARY"))
	if len(m.sent) != 1 {
		t.Errorf("sent %q, want one summary", m.sent)
	}
}

// What is excluded does not come again; with the exclusion undone the same alert does.
func TestExclusionIsUndone(t *testing.T) {
	m := newMuted(t, "1s")
	again := func() { m.post("192.0.2.1") }
	m.until("open", again, func() bool { return m.alerts()["192.0.2.1"].State == alert.Open })
	id := m.alerts()["192.0.2.1"].ID
	exclusion := m.add(api.MuteEdit{Kind: api.Exclusion, Alert: id, Close: true, Note: strings.Repeat("ü", 2048)})
	if a := m.alerts()["192.0.2.1"]; a.State != alert.Ended || a.Disposition == "" && a.Triggers < 1 {
		t.Errorf("excluded: %+v", a)
	}
	m.until("counted", again, func() bool { return m.mute(exclusion.ID).Hits > 1 })
	if all := m.alerts(); len(all) != 1 || all["192.0.2.1"].ID != id || all["192.0.2.1"].State != alert.Ended {
		t.Errorf("while it is excluded: %+v", all)
	}
	if _, err := m.svc.EndMute(m.ctx, api.MuteEnd{ID: exclusion.ID}); err != nil {
		t.Fatal(err)
	}
	m.until("there again", again, func() bool { return m.alerts()["192.0.2.1"].State == alert.Open })
}

// Ordinary users mute alerts of their own rules and nobody else's, and take back what they made.
func TestWhoMutes(t *testing.T) {
	svc := running(t, false).Service()
	admin := api.As(t.Context(), api.Local())
	for _, name := range []string{"anna", "bob"} {
		if err := svc.PutUser(admin, api.UserEdit{Name: name, Password: "correct horse battery", Create: true}); err != nil {
			t.Fatal(err)
		}
	}
	anna, bob := api.As(t.Context(), api.Identity{User: "anna"}), api.As(t.Context(), api.Identity{User: "bob"})
	ends := time.Now().Add(time.Hour)
	try := func(ctx context.Context, q api.MuteEdit, want error) api.Mute {
		t.Helper()
		q.Kind, q.Note, q.Ends = api.Silence, "x", ends
		a, err := svc.AddMute(ctx, q)
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("AddMute(%+v) by %s = %v, want %v", q, api.Caller(ctx).User, err, want)
		}
		if _, err := svc.PreviewMute(ctx, q); want == fault.Denied && !errors.Is(err, want) {
			t.Errorf("PreviewMute(%+v) by %s = %v, want %v", q, api.Caller(ctx).User, err, want)
		}
		return a.Mute
	}
	try(api.As(t.Context(), api.Identity{}), api.MuteEdit{Rule: "r"}, fault.Denied)
	try(anna, api.MuteEdit{Rule: "r", Owner: "bob"}, fault.Denied)
	try(anna, api.MuteEdit{Rule: "r", Owner: "*"}, fault.Denied)
	hers := try(anna, api.MuteEdit{Rule: "r"}, nil)
	if hers.Owner != "anna" {
		t.Errorf("a silence of anna's is of the rules of %q", hers.Owner)
	}
	try(anna, api.MuteEdit{}, fault.Conflict) // all of hers: she has to say so
	try(anna, api.MuteEdit{All: true}, nil)
	all := try(admin, api.MuteEdit{Rule: "r"}, nil)
	if all.Owner != "*" {
		t.Errorf("a silence of the administrator's is of the rules of %q", all.Owner)
	}
	forBob := try(admin, api.MuteEdit{Rule: "r", Owner: "bob"}, nil)
	list := func(ctx context.Context) int {
		found, err := svc.Mutes(ctx, api.MuteRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if a, b, all := list(anna), list(bob), list(admin); a != 2 || b != 1 || all != 4 {
		t.Errorf("anna sees %d, bob %d, the administrator %d, want 2, 1, 4", a, b, all)
	}
	end := func(ctx context.Context, id int64, want error) {
		t.Helper()
		if _, err := svc.EndMute(ctx, api.MuteEnd{ID: id}); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("EndMute(%d) by %s = %v, want %v", id, api.Caller(ctx).User, err, want)
		}
	}
	end(bob, hers.ID, fault.NotFound)
	end(bob, all.ID, fault.NotFound)
	end(bob, forBob.ID, fault.Denied)
	end(anna, hers.ID, nil)
	end(admin, forBob.ID, nil)
	lines, err := svc.Audit(admin, api.AuditRequest{What: "mutes"})
	if err != nil || len(lines) < 10 {
		t.Errorf("the audit log has %d lines of mutes, %v, want each that was made, ended or refused", len(lines), err)
	}
}
