package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Acts of pages that are no acts on an alert alone.
const (
	undo    = "undo"
	preview = "preview"
)

// mute makes a silence or an exclusion of what an alert is about, from the form of its page, and returns its number.
func (s *site) mute(r *http.Request, f form, now time.Time) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.New(fault.NotFound, "alert %q: want its number", r.PathValue("id"))
	}
	q := api.MuteEdit{Kind: f.Act, Alert: id, Note: strings.TrimSpace(f.Values.Get("note")), Close: f.Values.Get("close") != ""}
	switch text := f.Values.Get("for"); {
	case text == "resolved":
		q.UntilResolved, q.Ends = true, now.Add(30*24*time.Hour)
	case text != "":
		d, err := api.ParseDuration(text)
		if err != nil {
			return 0, fault.New(fault.Invalid, "%w", err)
		}
		q.Ends = now.Add(d)
	}
	made, err := s.Service.AddMute(r.Context(), q)
	return made.Mute.ID, err
}

// endMute takes the mute back that a form names.
func (s *site) endMute(r *http.Request, f form) error {
	id, err := strconv.ParseInt(f.Values.Get("mute"), 10, 64)
	if err != nil || id < 1 {
		return fault.New(fault.Invalid, "silence %q: want its number", f.Values.Get("mute"))
	}
	_, err = s.Service.EndMute(r.Context(), api.MuteEnd{ID: id})
	return err
}

// hiding are the mutes that act on an alert now, as far as can be told without its samples.
func hiding(all []api.Mute, a *alert.Alert) []api.Mute {
	var list []api.Mute
	for _, m := range all {
		owner := m.Owner == "*" || m.Owner == a.Owner
		entity := !slices.ContainsFunc(m.Entity, func(p alert.Pair) bool { return !slices.Contains(a.Entity, p) })
		least, bad := alert.ParseSeverity(cmp.Or(m.MinSeverity, alert.Info.String()))
		most, worse := alert.ParseSeverity(cmp.Or(m.MaxSeverity, alert.Critical.String()))
		severe := bad == nil && worse == nil && least <= a.Severity && a.Severity <= most
		if m.State == api.MuteActive && m.Where == "" && owner && entity && severe && (m.Rule == "" || m.Rule == a.RuleName) {
			list = append(list, m)
		}
	}
	return list
}

// A mutePage lists what is silenced and excluded, and makes more of it.
type mutePage struct {
	frame

	Mutes   []api.Mute
	All     bool // also those that are over
	Problem string
	Form    form
	Preview *api.MutePreview
	Days    []string
}

// weekdays are as schedules name them.
func weekdays() []string { return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

func (s *site) mutes(w http.ResponseWriter, r *http.Request) {
	s.mutesWith(w, r, http.StatusOK, form{}, nil)
}

func (s *site) mutesWith(w http.ResponseWriter, r *http.Request, code int, f form, preview *api.MutePreview) {
	p := mutePage{frame: s.frame(r, "Silences", "/silences"), All: r.URL.Query().Get("all") != "", Form: f, Preview: preview, Days: weekdays()}
	var err error
	if p.Mutes, err = s.Service.Mutes(r.Context(), api.MuteRequest{All: p.All, Limit: 200}); err != nil {
		p.Problem, code = s.explain(r, err), max(code, status(err))
	}
	s.show(w, code, "silences.html", p)
}

// changeMutes does what a form of the page says.
func (s *site) changeMutes(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	var hides *api.MutePreview
	if err == nil {
		switch f.Act {
		case undo:
			err = s.endMute(r, f)
		case preview, "add":
			var q api.MuteEdit
			if q, err = muteEdit(f, time.Now()); err != nil {
				break
			}
			var made api.MuteAnswer
			if f.Act == "add" {
				_, err = s.Service.AddMute(r.Context(), q)
				break
			}
			if made, err = s.Service.PreviewMute(r.Context(), q); err == nil {
				hides = &made.MutePreview
			}
		default:
			err = fault.New(fault.Invalid, "act %q: want preview, add or undo", f.Act)
		}
	}
	switch {
	case err != nil:
		f.Problem = s.explain(r, err)
		s.mutesWith(w, r, status(err), f, nil)
	case hides != nil:
		s.mutesWith(w, r, http.StatusOK, f, hides)
	default:
		again(w, r, "/silences", f.Act)
	}
}

// muteEdit reads the form that makes a mute.
func muteEdit(f form, now time.Time) (api.MuteEdit, error) {
	get := func(name string) string { return strings.TrimSpace(f.Values.Get(name)) }
	q := api.MuteEdit{Kind: get("kind"), Rule: get("rule"), Owner: get("owner"), MinSeverity: get("min"), MaxSeverity: get("max"), Where: get("where"), Note: get("note"),
		All: get("everything") != ""}
	if text := get("for"); text != "" {
		d, err := api.ParseDuration(text)
		if err != nil {
			return q, fault.New(fault.Invalid, "%w", err)
		}
		q.Ends = now.Add(d)
	}
	if q.Kind == api.Window && (get("from") != "" || get("to") != "" || len(f.Values["day"]) > 0) {
		q.Schedule = &api.MuteSchedule{Days: f.Values["day"], From: get("from"), To: get("to"), Zone: get("zone")}
	}
	return q, nil
}
