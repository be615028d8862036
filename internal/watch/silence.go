package watch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/api"
	"tocsin/internal/document"
)

// silence knows for how long each source that must not be silent has said nothing. Only time counts in which tocsin ran and
// could have heard it.
type silence map[string]*listened

// A listened is one source.
type listened struct {
	quiet time.Duration
	told  bool // an alert is open, or was about to be when an earlier process ended

	lines  int64 // that it had brought when it was looked at last
	known  bool  // lines is of this process
	raised bool  // the alert was raised by this process
	heard  bool  // it spoke since
}

// kept is a listened as it is stored: quiet by the minute, so that storing it is rare.
type kept struct {
	Minutes int64 `json:"quiet_minutes"`
	Told    bool  `json:"told,omitempty"`
}

// MarshalJSON writes what outlasts a restart.
func (l *listened) MarshalJSON() ([]byte, error) {
	return json.Marshal(kept{int64(l.quiet / time.Minute), l.told})
}

// UnmarshalJSON reads it.
func (l *listened) UnmarshalJSON(text []byte) error {
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return err
	}
	*l = listened{quiet: time.Duration(max(0, min(k.Minutes, 1<<20))) * time.Minute, told: k.Told}
	return nil
}

// step takes in what sources have brought, after so much more time, and returns what is to be told.
func (s silence) step(elapsed time.Duration, sources []api.SourceHealth, expected map[string]time.Duration, about topic) (calls []call) {
	now := map[string]api.SourceHealth{}
	for _, h := range sources {
		now[h.Name] = h
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if _, still := expected[name]; still {
			continue
		}
		if s[name].told {
			calls = append(calls, call{key: name, Own: about.spoken(name)})
			continue // forgotten once that was told
		}
		delete(s, name)
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		l := s[name]
		if l == nil {
			l = &listened{}
			s[name] = l
		}
		l.hear(elapsed, now[name])
		after := expected[name]
		switch {
		case l.quiet >= after && !l.raised:
			calls = append(calls, call{key: name, raise: true, Own: about.silent(name, l.quiet, after)})
		case l.told && l.heard && l.quiet < after:
			calls = append(calls, call{key: name, Own: about.spoken(name)})
		}
	}
	return calls
}

// hear adds to the silence, or ends it. Of a source that cannot be heard nothing is known.
func (l *listened) hear(elapsed time.Duration, h api.SourceHealth) {
	spoke := h.Lines > 0
	if l.known {
		spoke = h.Lines != l.lines
	}
	l.lines, l.known = h.Lines, true
	switch {
	case spoke:
		l.quiet, l.heard = 0, true
	case h.Problem == "":
		l.quiet += elapsed
	}
}

// told notes whether a call was heeded.
func (s silence) told(c call, done bool) {
	if l := s[c.key]; l != nil && done {
		l.told, l.raised, l.heard = c.raise, c.raise, false
	}
}

// A topic is a sort of thing whose silence is told.
type topic struct{ rule, field, title, what, look string }

var (
	aSource = topic{SourceRule, "tocsin.source", "Source silent", "source", "look at whoever sends, and at silent_after of the source"}
	// An exporter is heard through a source, which others may still be heard through.
	anExporter = topic{ExporterRule, "observer.ip", "Exporter silent", "exporter", "look at the device, and at sources.exporter_silent_after"}
)

// silent is the alert that something says nothing; spoken names it when it does.
func (u topic) silent(name string, quiet, after time.Duration) alerting.Own {
	o := u.spoken(name)
	o.Title, o.Severity, o.Value, o.Limit = u.title, alert.High, quiet.Seconds(), after.Seconds()
	o.Reason = fmt.Sprintf("nothing came from %s %s for %s while tocsin listened; after %s that is told (%s)",
		u.what, name, document.FormatDuration(quiet.Round(time.Second)), document.FormatDuration(after), u.look)
	return o
}

func (u topic) spoken(name string) alerting.Own {
	return alerting.Own{Name: u.rule, Entity: alert.Entity{{Field: u.field, Value: name}}}
}
