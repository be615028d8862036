package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
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
	if n != float64(int64(n)) {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	digits := strconv.FormatInt(int64(n), 10)
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

// key is alert.Entity.Key, "everything" when it is about no one in particular.
func key(e alert.Entity) string {
	if len(e) == 0 {
		return "everything"
	}
	return e.Key()
}
