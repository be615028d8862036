package flowtraq

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/alert"
)

// stamp is how FlowTraq wrote times. Two blanks follow it.
const stamp = "01/02/2006 15:04:05.000000"

// line writes an alert as FlowTraq's tools printed it, without a line end. of is whose alert it is where its rule is
// everybody's; w may be nil.
func line(a *alert.Alert, of string, w *wording, zone *time.Location) string {
	state := "NOT-ACKNOWLEDGED"
	if a.AckedBy != "" { // told also when it has ended since
		state = "ACKNOWLEDGED"
	}
	if a.Owner != "" {
		of = a.Owner
	}
	return fmt.Sprintf(`%s  %d %s "%s" ID=%d type=ANALYTICAL state=%s user=%s v1=%d v2=%s`, a.Last.In(zone).Format(stamp), a.Rule, a.Severity,
		escape(message(a, w), false), a.ID, state, escape(of, true), a.Triggers, strconv.FormatFloat(a.Limit, 'f', -1, 64))
}

// message says what an alert is about: in FlowTraq's words where the rule has them, else title and reason.
func message(a *alert.Alert, w *wording) string {
	if w == nil || len(a.Entity) != w.fields || w.fields == 0 {
		text := strings.TrimRight(a.Title+": "+a.Reason, ". ")
		return text + "."
	}
	values := make([]string, len(a.Entity))
	for i, p := range a.Entity {
		values[i] = p.Value
	}
	return w.bound + " threshold exceeded on " + w.metric + " for " + w.entity + " " + strings.Join(values, " and ") + "."
}

// escape keeps a text in its place of the line, whatever it holds: quotes and backslashes get a backslash before them, what is
// not printable, line ends above all, becomes an escape, and bytes that are no UTF-8 become U+FFFD. Where the text is one
// word, blanks are escaped as well.
func escape(text string, word bool) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case word && r == ' ':
			b.WriteString(`\x20`)
		case unicode.IsPrint(r) || r == utf8.RuneError:
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r) // '\n', '\x1b', '\u202e'
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
