package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

// An alert is silenced and excluded from its page, and either is taken back by one click.
func TestMuteFromAnAlert(t *testing.T) {
	s, began := scene(), time.Now()
	w := send(t, s, "/alerts/17", alice, url.Values{"act": {"silence"}, "for": {"4h"}, "note": {"the scanner of our own"}})
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != "/alerts/17?done=silence&mute=1" {
		t.Fatalf("silence = %d to %q", w.Code, got)
	}
	if m := s.mutes[0]; m.Kind != api.Silence || m.Note != "the scanner of our own" || !away(m.Ends, began, 4*time.Hour) {
		t.Errorf("silenced by %+v", m)
	}
	text := page(t, s, "/alerts/17?done=silence&mute=1", alice)
	if !strings.Contains(text, "Silenced: nobody is told") || !strings.Contains(text, `name="mute" value="1"`) || !strings.Contains(text, "the scanner of our own") {
		t.Error("the page does not say that the alert is silenced, or offers no way back")
	}
	if text = page(t, s, "/alerts/17?done=silence&mute=99", alice); strings.Contains(text, `value="99"`) {
		t.Error("the page offers to end what the address names")
	}
	if w = send(t, s, "/alerts/17", alice, url.Values{"act": {"undo"}, "mute": {"1"}}); w.Header().Get("Location") != "/alerts/17?done=undo" || s.mutes[0].State != api.MuteEnded {
		t.Errorf("undo = %d to %q", w.Code, w.Header().Get("Location"))
	}
	s.refuse = fault.New(fault.Invalid, "note: say why "+evil)
	for _, act := range []string{"silence", "exclusion"} {
		w = send(t, s, "/alerts/17", alice, url.Values{"act": {act}, "for": {"1w"}, "note": {evil}})
		if text := w.Body.String(); w.Code != 422 || !strings.Contains(text, "say why &lt;script&gt;") || strings.Contains(text, "<script>alert") || !strings.Contains(text, `<option value="1w" selected>`) {
			t.Errorf("a refused %s = %d, want its form as it was", act, w.Code)
		}
	}
	if w = send(t, s, "/alerts/17", alice, url.Values{"act": {"undo"}, "mute": {"x"}}); w.Code != 422 {
		t.Errorf("undo of nothing = %d, want 422", w.Code)
	}
}

// Silenced alerts are marked in the list, and left out where that is asked for.
func TestSilencedInTheList(t *testing.T) {
	s := scene()
	s.mutes = []api.Mute{{ID: 1, Kind: api.Silence, State: api.MuteActive, Owner: "*", Entity: s.alerts[0].Entity}}
	if text := page(t, s, "/alerts", alice); strings.Count(text, ">silenced</span>") != 1 || !strings.Contains(text, `id="alert-17"`) {
		t.Error("the list does not mark the silenced alert")
	}
	if text := page(t, s, "/", alice); strings.Count(text, ">silenced</span>") != 1 {
		t.Error("the overview does not mark the silenced alert")
	}
	if text := page(t, s, "/alerts?silenced=hide", alice); strings.Contains(text, `id="alert-17"`) || !strings.Contains(text, "3 of 4, 1 silenced") {
		t.Error("the list does not leave the silenced alert out, and say so")
	}
	s.mutes[0].Entity = nil
	if text := page(t, s, "/alerts?silenced=hide", alice); !strings.Contains(text, "All 4 alerts of this page are silenced") {
		t.Error("the list does not say that all are silenced")
	}
}

func TestHiding(t *testing.T) {
	a := alert.Alert{RuleName: "r", Owner: "bob", Severity: alert.High, Entity: alert.Entity{{Field: "a", Value: "1"}, {Field: "b", Value: "2"}}}
	for _, c := range []struct {
		m    api.Mute
		want int
	}{
		{api.Mute{State: api.MuteActive, Owner: "*"}, 1},
		{api.Mute{State: api.MuteWaiting, Owner: "*"}, 0},
		{api.Mute{State: api.MuteActive, Owner: ""}, 0},
		{api.Mute{State: api.MuteActive, Owner: "bob", Rule: "r", Entity: a.Entity[1:]}, 1},
		{api.Mute{State: api.MuteActive, Owner: "bob", Rule: "s"}, 0},
		{api.Mute{State: api.MuteActive, Owner: "*", Entity: alert.Entity{{Field: "a", Value: "2"}}}, 0},
		{api.Mute{State: api.MuteActive, Owner: "*", MaxSeverity: "MEDIUM"}, 0},
		{api.Mute{State: api.MuteActive, Owner: "*", MinSeverity: "HIGH"}, 1},
		{api.Mute{State: api.MuteActive, Owner: "*", Where: "has(x)"}, 0}, // cannot be told here
	} {
		if got := len(hiding([]api.Mute{c.m}, &a)); got != c.want {
			t.Errorf("hiding(%+v) = %d, want %d", c.m, got, c.want)
		}
	}
}

func TestSilencesPage(t *testing.T) {
	s := scene()
	s.mutes = []api.Mute{{ID: 1, Kind: evil, State: "active", Rule: evil, Owner: evil, Where: evil, Note: evil, Author: evil, Entity: alert.Entity{{Field: evil, Value: evil}},
		Schedule: &api.MuteSchedule{Days: []string{evil}, From: evil, To: evil, Zone: evil}, MinSeverity: evil}}
	page(t, s, "/silences", alice) // shows it as text
	form := url.Values{"kind": {"window"}, "rule": {"r"}, "day": {"mon", "fri"}, "from": {"22:00"}, "to": {"02:00"}, "zone": {"Europe/Berlin"}, "note": {"backups " + evil}, "for": {""}}
	form.Set("act", "preview")
	w := send(t, s, "/silences", alice, form)
	holds(t, "the preview", w.Body.String(), "<b>2</b> alerts stand now", "<b>5</b> of the 12", "It means everything", `value="mon" checked`, `value="22:00"`, "backups &lt;script&gt;", `value="window" checked`)
	if len(s.mutes) != 1 {
		t.Error("the preview made something")
	}
	form.Set("act", "add")
	if w = send(t, s, "/silences", alice, form); w.Header().Get("Location") != "/silences?done=add" || len(s.mutes) != 2 {
		t.Fatalf("add = %d to %q", w.Code, w.Header().Get("Location"))
	}
	if m := s.mutes[1]; m.Kind != api.Window || m.Schedule == nil || len(m.Schedule.Days) != 2 || m.Schedule.Zone != "Europe/Berlin" || !m.Ends.IsZero() {
		t.Errorf("made %+v", m)
	}
	form.Set("for", "soon")
	if w = send(t, s, "/silences", alice, form); w.Code != 422 || !strings.Contains(w.Body.String(), "soon") {
		t.Errorf("a wrong time = %d", w.Code)
	}
}

func TestSilencesInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := scene()
			b := tab(t, s, screen, "/alerts/17")
			b.Press("s")
			b.Until(`document.activeElement.name === "for"`)
			b.Type(`details[data-act=silence] input[name=note]`, "the scanner of our own "+evil)
			b.Looks("alert-silence-" + name)
			b.Click(`button[value=silence]`)
			b.Shows(".done", "Silenced")
			b.Shows("#live-head", "the scanner of our own <script>")
			b.Looks("alert-silenced-" + name)
			b.Click(`.undo button`)
			b.Shows(".done", "Undone.")
			b.Press("e")
			b.Type(`details[data-act=exclude] input[name=note]`, "known")
			b.Click(`button[value=exclusion]`)
			b.Shows(".done", "Excluded")
			b.Go("/silences")
			b.Shows("#mute-2", "known")
			b.Type(`textarea[name=note]`, "maintenance")
			b.Click(`button[value=preview]`)
			b.Shows(".told", "alerts stand now")
			b.Looks("silences-" + name)
			b.Click(`button[value=add]`)
			b.Shows(".done", "Added.")
			b.Click(`#mute-2 button`)
			b.Shows(".done", "Undone.")
		})
	}
}

// The list renews itself when the stream tells of a change, and keeps what is selected and focused; what has gone wrong with
// the connection is said, and taken back.
func TestListIsLive(t *testing.T) {
	webtest.Browser(t)
	s := scene()
	b := tab(t, s, webtest.Screen{}, "/alerts")
	b.Press("jx")
	b.Shows("#chosen", "1 selected")
	s.mu.Lock()
	more := s.alerts[0]
	more.ID, more.Title = 18, "Something new"
	s.alerts = append([]alert.Alert{more}, s.alerts...)
	s.mu.Unlock()
	s.changed <- struct{}{}
	b.Shows("#list", "Something new")
	b.Until(`document.querySelector("#alert-17 input").checked && !document.querySelector("#alert-18 input").checked`)
	b.Until(`document.activeElement.closest("li.row")?.id === "alert-17"`)
	b.Shows("#chosen", "1 selected")
	b.Until(`document.getElementById("said").textContent === "1 more alert"`)
	b.Expect("ERR_EMPTY_RESPONSE")
	s.cut.Store(true)
	b.Shows("#offline", "No connection to tocsin since")
	b.Looks("list-offline")
	s.cut.Store(false)
	b.Hides("#offline")
}

// A connection that is there and over which nothing comes is told as one that is gone, and what was asked over it is asked anew: the
// page, and the parts of a board that come by themselves.
func TestSilenceIsTold(t *testing.T) {
	webtest.Browser(t)
	s := boarded()
	s.own.board.Pages[0].Widgets = []api.Widget{{ID: "al", Kind: "alerts", Column: 1}, {ID: "ev", Kind: "events", Column: 1}}
	b := tab(t, s, webtest.Screen{}, "/")
	b.Shows("#w-ev", "GET /login")
	b.True(`(() => { const usual = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = (ms) => usual(ms / 10); return true; })()`) // so long no test waits
	s.silent.Store(true)
	b.Shows("#offline", "No connection to tocsin since")
	s.mu.Lock()
	s.alerts[0].Title, s.events = "A new alert", []string{`{"message":"A new event"}`}
	s.mu.Unlock()
	s.silent.Store(false)
	b.Shows("#w-al", "A new alert")
	b.Shows("#w-ev", "A new event")
	b.Hides("#offline")
}
