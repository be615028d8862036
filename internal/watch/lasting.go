package watch

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
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
	told   bool // an alert is open
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
		c := call{key: about, Alarm: Alarm{Rule: HealthRule, Entity: alert.Entity{{Field: "tocsin.problem", Value: about}}}}
		switch {
		case t.gone == 0 && t.lasted >= lastsAfter && !t.told:
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
		t.told = c.raise
	}
}

// maxSubject bounds what a trouble is about, in bytes.
const maxSubject = 128

// subject says what a problem of health is about: what stands before the colon. Troubles of channels are not told here: whoever
// sends tells of them over another one, and telling it here as well could go round in circles.
func subject(problem string) (about string, mine bool) {
	if strings.HasPrefix(problem, "channel ") {
		return "", false
	}
	about, _, _ = strings.Cut(problem, ": ")
	if len(about) > maxSubject {
		about = strings.ToValidUTF8(about[:maxSubject], "")
	}
	return about, about != ""
}
