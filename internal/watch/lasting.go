package watch

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
)

// How long a trouble must last before people are told, and be gone before they are told that.
const (
	lastsAfter = time.Minute
	goneAfter  = time.Minute
)

// lasting knows the troubles of tocsin by what they are about.
type lasting map[string]*trouble

// A trouble is one of them.
type trouble struct {
	lasted time.Duration // since it came, or came back
	gone   time.Duration // since it went
	text   string
	told   bool // an alert is open, or was about to be when an earlier process ended
	raised bool // by this process
}

// MarshalJSON writes what outlasts a restart: whether an alert is open.
func (t *trouble) MarshalJSON() ([]byte, error) { return json.Marshal(t.told) }

// UnmarshalJSON reads it.
func (t *trouble) UnmarshalJSON(text []byte) error {
	*t = trouble{}
	return json.Unmarshal(text, &t.told)
}

// step takes in what is wrong, after so much more time, and returns what is to be told.
func (l lasting) step(elapsed time.Duration, problems []string) (calls []call) {
	now := map[string]string{}
	for _, text := range problems {
		if about, mine := subject(text); mine {
			now[about] = text // one of several is enough: health lists them all
		}
	}
	for about, text := range now {
		if l[about] == nil {
			l[about] = &trouble{}
		} else if l[about].text != "" && l[about].gone == 0 {
			l[about].lasted += elapsed
		}
		l[about].text, l[about].gone = text, 0
	}
	for _, about := range slices.Sorted(maps.Keys(l)) {
		t := l[about]
		if _, still := now[about]; !still {
			t.gone += elapsed
			t.lasted = 0
		}
		c := call{key: about, Own: alerting.Own{Name: HealthRule, Title: "tocsin is not well", Entity: alert.Entity{{Field: "tocsin.problem", Value: about}}}}
		switch {
		case t.gone == 0 && t.lasted >= lastsAfter && !t.raised:
			c.raise, c.Severity, c.Reason, c.Value, c.Limit = true, alert.High, t.text, t.lasted.Seconds(), lastsAfter.Seconds()
			calls = append(calls, c)
		case t.gone >= goneAfter && t.told:
			calls = append(calls, c)
		case t.gone >= goneAfter:
			delete(l, about)
		}
	}
	return calls
}

// told notes whether a call was heeded.
func (l lasting) told(c call, done bool) {
	if t := l[c.key]; t != nil && done {
		t.told, t.raised = c.raise, c.raise
	}
}

// maxSubject bounds what a trouble is about, in bytes.
const maxSubject = 128

// subject says what a problem of health is about: what stands before the colon. Troubles of channels, of rules and of silent
// exporters are not told here: they have alerts of their own, and to tell of a channel twice could go round in circles.
func subject(problem string) (about string, mine bool) {
	if strings.HasPrefix(problem, "channel ") || strings.HasPrefix(problem, "rule ") || strings.HasPrefix(problem, "silent ") {
		return "", false
	}
	about, _, _ = strings.Cut(problem, ": ")
	if len(about) > maxSubject {
		about = strings.ToValidUTF8(about[:maxSubject], "")
	}
	return about, about != ""
}
