package syslog

import (
	"bytes"
	"strconv"

	"tocsin/internal/event"
)

// Bounds of what one message is written out to.
const (
	maxTimes  = 1000
	maxCopies = 220 << 10 // bytes, as counted below
	rowBytes  = 160       // what a row takes besides its text
)

// repeated reads "message repeated 5 times: [ text]", by which rsyslog and sshd's systems save lines, and returns the text.
// It stands for so many messages: in logs of guessed passwords for a third of them. So that they count as such, the text is
// written out as often, within bounds. The label repeated has the number, repeated.left how many of them are not written.
func (m *messages) repeated(b *event.Builder, v []byte) (text []byte) {
	const begin, middle = "message repeated ", " times: ["
	if len(v) < len(begin)+len(middle)+2 || v[0] != 'm' || !bytes.HasPrefix(v, []byte(begin)) || v[len(v)-1] != ']' {
		return v
	}
	digits := digitsLen(v[len(begin):], 9)
	rest, ok := bytes.CutPrefix(v[len(begin)+digits:], []byte(middle))
	times, isNumber := decimal(v[len(begin) : len(begin)+digits])
	if !ok || !isNumber || times < 1 {
		return v
	}
	text = bytes.TrimPrefix(rest[:len(rest)-1], []byte(" "))
	if m.copy > 0 {
		return text
	}
	m.times = min(int(times), maxTimes, max(1, maxCopies/(len(text)+rowBytes)))
	m.number(b, "repeated", times)
	if left := times - int64(m.times); left > 0 {
		m.number(b, "repeated.left", left)
	}
	return text
}

// number sets a label to a number.
func (m *messages) number(b *event.Builder, name string, n int64) {
	m.name = append(m.name[:0], name...)
	m.value = strconv.AppendInt(m.value[:0], n, 10)
	b.Label(m.name, m.value)
}
