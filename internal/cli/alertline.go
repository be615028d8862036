package cli

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"tocsin/internal/alert"
)

// alertLine writes an alert as key=value on one line. Values are quoted as Go quotes strings where they hold anything but
// plain words. Keys and their order stay; new ones come last. What people
// did is told only where they did something, the number of the newest change only where there is one, and names only where people
// gave some.
func alertLine(a *alert.Alert) string {
	var b strings.Builder
	put := func(key, value string) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(key)
		b.WriteByte('=')
		b.WriteString(quoteWord(value))
	}
	put("last", a.Last.UTC().Format(time.RFC3339Nano))
	put("id", strconv.FormatInt(a.ID, 10))
	put("severity", a.Severity.String())
	put("state", string(a.State))
	put("rule", a.RuleName)
	put("owner", a.Owner)
	put("entity", a.Entity.Key())
	put("triggers", strconv.FormatInt(a.Triggers, 10))
	put("value", number(a.Value))
	put("peak", number(a.Peak))
	put("limit", number(a.Limit))
	put("first", a.First.UTC().Format(time.RFC3339Nano))
	put("origin", a.Origin)
	put("title", a.Title)
	put("reason", a.Reason)
	for _, did := range []struct{ key, value string }{
		{"acknowledged_by", a.AckedBy}, {"assignee", a.Assignee}, {"disposition", string(a.Disposition)},
	} {
		if did.value != "" {
			put(did.key, did.value)
		}
	}
	if a.Turns > 0 {
		put("turns", strconv.FormatInt(a.Turns, 10))
	}
	if !a.Flapping.IsZero() {
		put("flapping", a.Flapping.UTC().Format(time.RFC3339Nano))
	}
	if a.Change > 0 {
		put("change", strconv.FormatInt(a.Change, 10))
	}
	if name := called(a); name != "" {
		put("name", name)
	}
	return b.String()
}

// quoteWord quotes what is not one plain word.
func quoteWord(s string) string {
	for _, r := range s {
		if r == '"' || r == '\\' || r == ' ' || r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}
