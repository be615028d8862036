package apitest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// muting: silences, windows and exclusions say what they hide, are listed with who made them and why, and end.
func muting(s *suite) {
	list := s.standing("192.0.2.1", "192.0.2.2")
	one := list[0]
	const note = "known <b>\x1b[31m\u202e =1+1"
	soon := time.Now().Add(2 * time.Hour).UTC().Round(0)

	preview, err := s.PreviewMute(s.ctx, api.MuteEdit{Kind: api.Silence, Where: `source.ip == "192.0.2.1"`, Ends: soon})
	s.must("PreviewMute", err)
	if preview.Open != 1 || len(preview.Alerts) != 1 || preview.Alerts[0].ID != one.ID || preview.Week != 1 || preview.WeekAll != 2 || preview.Everything || preview.Mute.ID != 0 {
		s.Errorf("preview of one address: %+v", preview)
	}
	silence, err := s.AddMute(s.ctx, api.MuteEdit{Kind: api.Silence, Alert: one.ID, Note: note, Ends: soon, UntilResolved: true})
	s.must("AddMute", err)
	m := silence.Mute
	if m.ID == 0 || m.Kind != api.Silence || m.State != api.MuteActive || m.Rule != one.RuleName || m.Owner != one.Owner || m.Entity.Key() != one.Entity.Key() ||
		m.Author != "admin" || m.Note != note || !m.Ends.Equal(soon) || !m.UntilResolved || silence.Open != 1 || m.Created.IsZero() {
		s.Errorf("silence of alert %d: %+v", one.ID, silence)
	}
	window, err := s.AddMute(s.ctx, api.MuteEdit{Kind: api.Window, Rule: "scan", MinSeverity: "low", MaxSeverity: "HIGH", Note: "nightly",
		Schedule: &api.MuteSchedule{Days: []string{"mon", "tue"}, Dates: []int{1, -1}, From: "22:00", To: "02:00", Zone: "Europe/Berlin"}})
	s.must("AddMute", err)
	if w := window.Mute; w.Schedule == nil || w.Schedule.Zone != "Europe/Berlin" || w.From.IsZero() || !w.To.After(w.From) || !w.Ends.IsZero() || w.MinSeverity != "LOW" {
		s.Errorf("window: %+v", w)
	}
	s.listed(api.MuteRequest{}, window.Mute.ID, m.ID)
	s.listed(api.MuteRequest{Kind: api.Silence}, m.ID)
	s.listed(api.MuteRequest{ID: m.ID}, m.ID)
	_, err = s.EndMute(s.ctx, api.MuteEnd{ID: m.ID, Kind: api.Exclusion})
	s.kind("end a silence as an exclusion", err, fault.Conflict)
	ended, err := s.EndMute(s.ctx, api.MuteEnd{ID: m.ID, Kind: api.Silence})
	s.must("EndMute", err)
	if ended.State != api.MuteEnded || ended.EndedBy != "admin" || ended.EndedAt.IsZero() {
		s.Errorf("ended: %+v", ended)
	}
	_, err = s.EndMute(s.ctx, api.MuteEnd{ID: m.ID})
	s.kind("end it again", err, fault.Conflict)
	s.listed(api.MuteRequest{}, window.Mute.ID)
	s.listed(api.MuteRequest{All: true, Kind: api.Silence}, m.ID)
	s.excluding(list[1])
	s.wrongMutes(one.ID)
}

// excluding: an alert that is excluded is closed as expected, and what is excluded does not become an alert but counts.
func (s *suite) excluding(a alert.Alert) {
	s.Helper()
	excluded, err := s.AddMute(s.ctx, api.MuteEdit{Kind: api.Exclusion, Alert: a.ID, Close: true, Note: "our own scanner"})
	s.must("AddMute", err)
	if c := excluded.Closed; c == nil || c.ID != a.ID || c.State != alert.Ended || c.Disposition != alert.Expected || !excluded.Mute.Ends.IsZero() {
		s.Fatalf("exclusion of alert %d: %+v", a.ID, excluded)
	}
	known, err := s.AddMute(s.ctx, api.MuteEdit{Kind: api.Exclusion, Rule: "scan", Where: `source.ip == "192.0.2.3" or source.ip in cidr("198.51.100.0/24")`, Note: "known"})
	s.must("AddMute", err)
	var lines []string
	at := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	for _, address := range []string{"192.0.2.3", "198.51.100.7", "192.0.2.4"} {
		line := fmt.Sprintf(`{"@timestamp":%q,"source.ip":%q,"http.response.status_code":404}`, at, address)
		lines = append(lines, line, line, line)
	}
	s.add(api.AppendRequest{}, lines...)
	s.open("source.ip=192.0.2.4")
	for end := time.Now().Add(time.Minute); ; s.must("Flush", s.Flush(s.ctx)) {
		found, err := s.Mutes(s.ctx, api.MuteRequest{ID: known.Mute.ID})
		s.must("Mutes", err)
		if found[0].Hits == 2 && !found[0].LastHit.IsZero() {
			break
		}
		if time.Now().After(end) {
			s.Fatalf("want two hits of the exclusion: %+v", found)
		}
	}
	found, err := s.Alerts(s.ctx, api.AlertRequest{User: "*"})
	s.must("Alerts", err)
	if len(found) != 3 {
		s.Errorf("%d alerts, want those of 192.0.2.1, .2 and .4: %+v", len(found), found)
	}
}

// listed holds a list of mutes to some numbers.
func (s *suite) listed(q api.MuteRequest, want ...int64) {
	s.Helper()
	found, err := s.Mutes(s.ctx, q)
	s.must("Mutes", err)
	var got []int64
	for _, m := range found {
		got = append(got, m.ID)
	}
	if !slices.Equal(got, want) {
		s.Errorf("Mutes(%+v) = %v, want %v", q, got, want)
	}
}

// wrongMutes: what is no mute is refused, and who may not make it is.
func (s *suite) wrongMutes(id int64) {
	s.Helper()
	soon := time.Now().Add(time.Hour)
	for what, q := range map[string]api.MuteEdit{
		"no kind":              {Note: "x", Rule: "r", Ends: soon},
		"no note":              {Kind: api.Silence, Rule: "r", Ends: soon},
		"a long note":          {Kind: api.Silence, Rule: "r", Ends: soon, Note: strings.Repeat("x", 4097)},
		"no end":               {Kind: api.Silence, Note: "x", Rule: "r"},
		"an end that is past":  {Kind: api.Silence, Note: "x", Rule: "r", Ends: time.Now().Add(-time.Hour)},
		"91 days":              {Kind: api.Silence, Note: "x", Rule: "r", Ends: time.Now().Add(91 * 24 * time.Hour)},
		"a foul filter":        {Kind: api.Silence, Note: "x", Where: "source.ip ==", Ends: soon},
		"an unknown field":     {Kind: api.Silence, Note: "x", Where: "nofield == 1", Ends: soon},
		"a foul severity":      {Kind: api.Silence, Note: "x", MinSeverity: "HUGE", Ends: soon},
		"severities swapped":   {Kind: api.Silence, Note: "x", MinSeverity: "HIGH", MaxSeverity: "LOW", Ends: soon},
		"a schedule":           {Kind: api.Silence, Note: "x", Rule: "r", Ends: soon, Schedule: &api.MuteSchedule{From: "10:00", To: "11:00"}},
		"a foul zone":          {Kind: api.Window, Note: "x", Rule: "r", Schedule: &api.MuteSchedule{From: "10:00", To: "11:00", Zone: "Berlin"}},
		"a foul time":          {Kind: api.Window, Note: "x", Rule: "r", Schedule: &api.MuteSchedule{From: "10", To: "11:00"}},
		"an alert and a rule":  {Kind: api.Silence, Note: "x", Alert: id, Rule: "r", Ends: soon},
		"a negative alert":     {Kind: api.Silence, Note: "x", Alert: -1, Ends: soon},
		"resolved exclusion":   {Kind: api.Exclusion, Note: "x", Rule: "r", UntilResolved: true},
		"close without alert":  {Kind: api.Exclusion, Note: "x", Rule: "r", Close: true},
		"close with a silence": {Kind: api.Silence, Note: "x", Alert: id, Close: true, Ends: soon},
	} {
		_, err := s.AddMute(s.ctx, q)
		s.kind("AddMute of "+what, err, fault.Invalid)
		if q.Note != "" {
			_, err = s.PreviewMute(s.ctx, q)
			s.kind("PreviewMute of "+what, err, fault.Invalid)
		}
	}
	_, err := s.AddMute(s.ctx, api.MuteEdit{Kind: api.Silence, Note: "x", Alert: 99999, Ends: soon})
	s.kind("AddMute of no alert", err, fault.NotFound)
	_, err = s.AddMute(s.ctx, api.MuteEdit{Kind: api.Silence, Note: "x", Ends: soon})
	s.kind("AddMute of everything", err, fault.Conflict)
	_, err = s.AddMute(s.ctx, api.MuteEdit{Kind: api.Exclusion, Note: "x", Rule: "tocsin-health"})
	s.kind("AddMute of an exclusion of tocsin's own alerts", err, fault.Conflict)
	_, err = s.AddMute(s.ctx, api.MuteEdit{Kind: api.Silence, Note: "x", Rule: "norule", UntilResolved: true, Ends: soon})
	s.kind("AddMute until nothing is resolved", err, fault.Conflict)
	all, err := s.AddMute(s.ctx, api.MuteEdit{Kind: api.Silence, Note: "x", All: true, Ends: soon})
	s.must("AddMute of all", err)
	if !all.Everything || all.Open == 0 {
		s.Errorf("silence of everything: %+v", all)
	}
	_, err = s.Mutes(s.ctx, api.MuteRequest{Kind: "other"})
	s.kind("Mutes of another kind", err, fault.Invalid)
	_, err = s.Mutes(s.ctx, api.MuteRequest{ID: 99999})
	s.kind("Mutes of no number", err, fault.NotFound)
	_, err = s.EndMute(s.ctx, api.MuteEnd{ID: 99999})
	s.kind("EndMute of no number", err, fault.NotFound)
}
