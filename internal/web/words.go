package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// count writes a number with thin spaces between thousands.
func count(v any) string {
	var n float64
	switch x := v.(type) {
	case float64:
		n = x
	case int:
		n = float64(x)
	case int64:
		n = float64(x)
	case uint64:
		n = float64(x)
	}
	precision := 0
	if n != math.Trunc(n) {
		precision = 1
	}
	digits, fraction, _ := strings.Cut(strconv.FormatFloat(n, 'f', precision, 64), ".")
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString("\u2009")
		}
		b.WriteRune(d)
	}
	if fraction != "" {
		b.WriteString("." + fraction)
	}
	return sign + b.String()
}

// size writes a number of bytes.
func size(n int64) string {
	const step = 1024
	if n < step {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/step, 0
	for v >= step && unit < 4 {
		v, unit = v/step, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[unit])
}

// shape is the sign beside the word of a severity, for who does not see its colour.
func shape(s alert.Severity) string {
	switch s {
	case alert.Critical:
		return "◆"
	case alert.High:
		return "▲"
	case alert.Medium:
		return "■"
	case alert.Low:
		return "●"
	default:
		return "○"
	}
}

// stamp writes a time for machines and, until the page's script puts it into the reader's zone, for people.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// clock writes a time for people who have no script.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// A line is an alert as a list shows it.
type line struct {
	alert.Alert

	Silenced bool // nobody is told of it now
}

func newLine(a alert.Alert, silenced bool) line { return line{a, silenced} }

// Named reports whether the title ends with the entity, which then need not stand beside it once more.
func (l line) Named() bool { return strings.HasSuffix(l.Title, l.Entity.String()) }

// about writes whom an alert is about, named a text of it, with the names that people gave.
func about(a alert.Alert) string              { return a.About() }
func named(a alert.Alert, text string) string { return a.WithNames(text) }

// known writes what is known of an address beside its name.
func known(n api.Named) string { return strings.Join(n.Facts(), ", ") }

// words are what a template ranges over.
func words(list ...string) []string { return list }

// last is the index of the last of n.
func last(n int) int { return n - 1 }

// exact writes a time so that it is the same when it comes back.
func exact(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// span writes a length of time.
func span(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// happened says in a few words what a line of the log of an alert tells.
func happened(e alert.Entry) string {
	switch e.What {
	case alert.DidAssign:
		switch {
		case e.To == "":
			return "took it from " + e.From
		case e.From != "":
			return "assigned it to " + e.To + ", before to " + e.From
		default:
			return "assigned it to " + e.To
		}
	case alert.DidClose:
		return "closed it as " + e.To
	case alert.DidAcknowledge:
		return e.To // with until when
	case alert.DidChange:
		return "severity " + e.From + " → " + e.To
	default:
		return e.What
	}
}

// noticeState says where a notice stands.
func noticeState(state string) string {
	switch state {
	case "pending":
		return "waits to be sent"
	case "leased":
		return "is being sent"
	case "dead":
		return "given up"
	case "held":
		return "held for a summary"
	case "bundled":
		return "told in a summary"
	case "all":
		return "all"
	case "muted":
		return "not sent"
	default:
		return state
	}
}

// key is alert.Entity.Key, "everything" when it is about no one in particular.
func key(e alert.Entity) string {
	if len(e) == 0 {
		return "everything"
	}
	return e.Key()
}
