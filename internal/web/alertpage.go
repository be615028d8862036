package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// An alertPage shows one alert and what can be done with it.
type alertPage struct {
	frame

	Alert        alert.Alert
	About        []api.Named // its addresses
	Around       []api.Around
	Traffic      *api.AlertTraffic
	Log          []alert.Entry
	Notices      []api.AlertNotice
	May          bool     // who asks may act on it
	Flags        []string // what else is to be known of its state
	Meter        *meter
	Samples      []sample
	Rule         *api.Rule // as it is now; nil when it is not to be had
	RuleProblem  string    // why
	RuleAlerts   string    // address of the list of its alerts
	Flows        string    // address of the flows about whom it is; "" when there are none
	People       []string  // to whom it can be assigned, as far as who asks knows them
	Dispositions []choice
	Mutes        []api.Mute // that hide it now
	Undo         int64      // number of the mute that was made just now; 0: none
	Action       string     // where its forms go
	Form         form
}

// A meter draws values against the limit, on a scale of 1000.
type meter struct {
	Value, Peak, Limit int
	Label              string
}

// A sample is one of the events of an alert.
type sample struct {
	Key, Name, Time, Text string
	Open                  bool
	Fields                []field
}

// A choice is a word with what it means.
type choice struct{ Word, Text string }

// dispositions are what a closed alert can have been.
func dispositions() []choice {
	meaning := map[alert.Disposition]string{
		alert.True: "something was wrong", alert.Benign: "it happened as told, and does no harm", alert.False: "the rule was mistaken",
		alert.Expected: "it was announced, as maintenance is", alert.Duplicate: "another alert tells of the same",
	}
	var list []choice
	for _, d := range alert.Dispositions() {
		list = append(list, choice{d, meaning[alert.Disposition(d)]})
	}
	return list
}

// mutespans are for how long something is hidden.
func mutespans() []choice {
	return []choice{{"1h", "1 hour"}, {"4h", "4 hours"}, {"12h", "12 hours"}, {"1d", "1 day"}, {"3d", "3 days"}, {"1w", "1 week"}, {"4w", "4 weeks"}, {"", "for ever (exclusions and what recurs)"}}
}

// spans are for how long things can be done from a page.
func spans() []choice {
	return []choice{{"", "until it ends"}, {"1h", "1 hour"}, {"4h", "4 hours"}, {"12h", "12 hours"}, {"1d", "1 day"}, {"3d", "3 days"}, {"1w", "1 week"}}
}

func (s *site) alert(w http.ResponseWriter, r *http.Request) {
	s.alertWith(w, r, http.StatusOK, form{})
}

// alertWith shows an alert with what was typed into one of its forms.
func (s *site) alertWith(w http.ResponseWriter, r *http.Request, code int, f form) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		s.refuse(w, r, "/alerts", fault.New(fault.NotFound, "alert %q: want its number", r.PathValue("id")))
		return
	}
	story, err := s.Service.AlertStory(r.Context(), id)
	if err != nil {
		s.refuse(w, r, "/alerts", err)
		return
	}
	a := &story.Alert
	p := alertPage{
		frame: s.frame(r, fmt.Sprintf("%s %s: %s", a.Severity, a.WithNames(a.Title), a.About()), "/alerts"),
		Alert: *a, About: story.About, Around: story.Around, Traffic: story.Traffic, Log: story.Log, Notices: story.Notices, May: mayAct(api.Caller(r.Context()), a),
		Flows: flowsOf(a), Meter: newMeter(a), Samples: samples(a), RuleAlerts: "/alerts?rule=" + url.QueryEscape(a.RuleName),
		Dispositions: dispositions(), Action: "/alerts/" + strconv.FormatInt(a.ID, 10), Form: f,
	}
	p.Live = true
	if a.Reopened > 0 {
		p.Flags = append(p.Flags, fmt.Sprintf("reopened %d×", a.Reopened))
	}
	if !a.Flapping.IsZero() {
		p.Flags = append(p.Flags, fmt.Sprintf("flapping, %d changes", a.Turns))
	}
	if !a.Flapping.IsZero() {
		p.Flags = append(p.Flags, "flapping")
	}
	s.ruleOf(r, &p)
	s.mutesOf(r, &p)
	p.People = s.people(r)
	s.show(w, code, "alert.html", p)
}

// mayAct reports whether somebody is offered the acts; whether he may is for the service to say.
func mayAct(who api.Identity, a *alert.Alert) bool {
	return who.Admin || who.User != "" && (a.Owner == who.User || a.Assignee == who.User)
}

// ruleOf finds the rule of the alert as it is now.
func (s *site) ruleOf(r *http.Request, p *alertPage) {
	found, err := s.Service.Rules(r.Context(), api.RuleRequest{Owner: "*", Name: p.Alert.RuleName})
	if errors.Is(err, fault.Denied) {
		found, err = s.Service.Rules(r.Context(), api.RuleRequest{Name: p.Alert.RuleName})
	}
	for i := range found {
		if found[i].ID == p.Alert.Rule || found[i].Owner == p.Alert.Owner && found[i].Name == p.Alert.RuleName {
			p.Rule = &found[i]
			return
		}
	}
	p.RuleProblem = "The rule is there no more."
	if err != nil {
		p.RuleProblem = "The rule cannot be shown: " + s.explain(r, err)
	}
}

// mutesOf finds what hides the alert, and what was made just now and can be undone.
func (s *site) mutesOf(r *http.Request, p *alertPage) {
	all, err := s.Service.Mutes(r.Context(), api.MuteRequest{})
	if err != nil {
		s.Log.Warn("silences of an alert not shown", "alert", p.Alert.ID, "err", err)
		return
	}
	p.Mutes = hiding(all, &p.Alert)
	made, err := strconv.ParseInt(r.URL.Query().Get("mute"), 10, 64)
	if err == nil && p.Done != "" && slices.ContainsFunc(p.Mutes, func(m api.Mute) bool { return m.ID == made }) {
		p.Undo = made
	}
}

// people are the accounts, where who asks may know them.
func (s *site) people(r *http.Request) []string {
	if !api.Caller(r.Context()).Admin {
		return nil
	}
	users, err := s.Service.Users(r.Context())
	if err != nil {
		return nil // they only help to type
	}
	var names []string
	for _, u := range users {
		if !u.Disabled {
			names = append(names, u.Name)
		}
	}
	return names
}

// newMeter draws the values of an alert, nil where there is nothing to draw.
func newMeter(a *alert.Alert) *meter {
	most := max(a.Value, a.Peak, a.Limit)
	if most <= 0 || min(a.Value, a.Peak, a.Limit) < 0 {
		return nil
	}
	scale := func(v float64) int { return int(v / most * 996) }
	return &meter{
		Value: scale(a.Value), Peak: scale(a.Peak), Limit: scale(a.Limit),
		Label: fmt.Sprintf("now %s, at its peak %s, limit %s", count(a.Value), count(a.Peak), count(a.Limit)),
	}
}

// samples shows the events that an alert keeps: the first few and the newest few. Fields that name whom it is about are marked.
func samples(a *alert.Alert) []sample {
	about := map[string]string{}
	for _, pair := range a.Entity {
		about[pair.Field] = pair.Value
	}
	list := make([]sample, 0, len(a.Samples))
	for i, text := range a.Samples {
		r, err := newRow(text)
		if err != nil {
			r = row{Key: rowKey(text), Text: string(text)}
		}
		s := sample{Key: strconv.Itoa(i) + "-" + r.Key, Name: fmt.Sprintf("Event %d", i+1), Time: r.Time, Text: r.Text, Fields: r.Fields}
		switch {
		case len(a.Samples) == 1:
			s.Name = "Event"
		case i == 0:
			s.Name, s.Open = "First", true
		case i == len(a.Samples)-1:
			s.Name = "Newest"
		}
		s.Open = i == 0
		for j := range s.Fields {
			value, ok := about[s.Fields[j].Name]
			s.Fields[j].Matched = ok && value == s.Fields[j].Value
		}
		list = append(list, s)
	}
	return list
}

// actOnAlert does what a form of the page of an alert says, and leads back there.
func (s *site) actOnAlert(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	switch {
	case err != nil:
	case f.Act == api.Silence || f.Act == api.Exclusion:
		var made int64
		if made, err = s.mute(r, f, time.Now()); err == nil {
			http.Redirect(w, r, "/alerts/"+r.PathValue("id")+"?done="+f.Act+"&mute="+strconv.FormatInt(made, 10), http.StatusSeeOther)
			return
		}
	case f.Act == undo:
		err = s.endMute(r, f)
	default:
		err = s.act(r, r.PathValue("id"), f, time.Now())
	}
	if err == nil {
		again(w, r, "/alerts/"+r.PathValue("id"), f.Act)
		return
	}
	f.Problem = s.explain(r, err)
	s.alertWith(w, r, status(err), f)
}

// act does what a form says to one alert.
func (s *site) act(r *http.Request, id string, f form, now time.Time) error {
	q := api.AlertAct{Act: f.Act, Note: strings.TrimSpace(f.Values.Get("note"))}
	var err error
	if q.ID, err = strconv.ParseInt(id, 10, 64); err != nil || q.ID < 1 {
		return fault.New(fault.NotFound, "alert %q: want its number", id)
	}
	switch f.Act {
	case api.Acknowledge:
		if text := f.Values.Get("for"); text != "" {
			d, err := api.ParseDuration(text)
			if err != nil {
				return fault.New(fault.Invalid, "%w", err)
			}
			q.Until = now.Add(d)
		}
	case api.Assign:
		q.Assignee = strings.TrimSpace(f.Values.Get("to"))
	case api.Close:
		q.Disposition = f.Values.Get("disposition")
		if text := strings.TrimSpace(f.Values.Get("duplicate_of")); text != "" && q.Disposition == string(alert.Duplicate) {
			if q.DuplicateOf, err = strconv.ParseInt(text, 10, 64); err != nil {
				return fault.New(fault.Invalid, "duplicate of %q: want the number of an alert", text)
			}
		}
	case api.Unacknowledge, api.Comment:
	default:
		return fault.New(fault.Invalid, "act %q: want acknowledge, unacknowledge, comment, assign or close", f.Act)
	}
	_, err = s.Service.ActOnAlert(r.Context(), q)
	return err
}
