package syslog

import (
	"bytes"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// An old is an RFC 3164 message cut into its parts, which point into the record.
//
//	[sequence: ] [*.] TIME [zone:] [host] [tag[[pid]]:] message
type old struct {
	when     instant.Reading
	label    int64 // the instant, where the time is a TAI64N label
	isLabel  bool
	host     []byte
	tag, pid []byte
	mnemonic []byte // of Cisco devices: %FACILITY-SEVERITY-MNEMONIC
	message  []byte
	blank    bool // the time is of the form 2006-01-02 15:04:05
}

// cut reports whether b, behind the priority, begins with a time.
func (o *old) cut(b []byte) bool {
	if len(b) > 0 && b[0] == '@' {
		if o.label, o.isLabel = instant.TAI64N(b); !o.isLabel || len(b) < 26 || b[25] != ' ' {
			return false
		}
		o.who(b[26:])
		return true
	}
	rest := b
	if len(rest) > 0 && rest[0]-'0' <= 9 || len(rest) > 0 && (rest[0] == '*' || rest[0] == '.' || rest[0] == ':') {
		rest = skipSequence(rest)
	}
	var ok bool
	if o.when, ok = instant.BSD(rest); !ok {
		if o.when, ok = instant.RFC3339(rest); !ok {
			return false
		}
		o.blank = rest[10] == ' '
	}
	rest = rest[o.when.Len:]
	if len(rest) > 0 && rest[0] != ' ' && rest[0] != ':' {
		return false
	}
	rest, zone, device := skipZone(rest)
	if instant.IsUTC(zone) {
		o.when.HasZone = true
	}
	if device || len(rest) > 1 && rest[0] == '%' {
		o.cisco(rest)
		return true
	}
	o.who(rest)
	return true
}

// skipSequence skips what Cisco devices put before the time: a number and a colon, and * or . for a clock that is not set.
func skipSequence(b []byte) []byte {
	i := 0
	for i < len(b) && i < 12 && b[i]-'0' <= 9 {
		i++
	}
	rest := b
	if i < len(b) && b[i] == ':' {
		rest = bytes.TrimLeft(b[i+1:], " ")
	}
	if len(rest) > 0 && (rest[0] == '*' || rest[0] == '.') {
		rest = rest[1:]
	}
	return rest
}

// skipZone skips blanks, and a zone's letters with a colon behind the time, as Cisco devices write them: "CET: ", ": ".
// device says that there was such a colon.
func skipZone(b []byte) (rest, zone []byte, device bool) {
	rest = bytes.TrimLeft(b, " ")
	i := 0
	for i < len(rest) && i < 5 && rest[i] >= 'A' && rest[i] <= 'Z' {
		i++
	}
	if i < len(rest) && rest[i] == ':' && (i == 0 || i >= 3) && i+2 < len(rest) && rest[i+1] == ' ' && rest[i+2] == '%' {
		return bytes.TrimLeft(rest[i+1:], " "), rest[:i], true
	}
	return rest, nil, false
}

// cisco reads %FACILITY-SEVERITY-MNEMONIC: message.
func (o *old) cisco(b []byte) {
	o.message = b
	if i := bytes.IndexByte(b, ':'); i > 1 && i <= maxTag && bytes.IndexByte(b[:i], ' ') < 0 {
		o.mnemonic = b[1:i]
	}
}

// who reads host and tag. Without a host, as local senders write, the first word is the tag: it ends in a colon or a
// process id.
func (o *old) who(b []byte) {
	o.message = b
	first := b
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		first = b[:i]
	}
	if _, isAddr := parser.Address(first); isAddr || !endsTag(first) {
		if len(first) == 0 || len(first) == len(b) {
			return
		}
		o.host = first
		o.message = bytes.TrimLeft(b[len(first):], " ")
	}
	if device := bytes.TrimPrefix(o.message, []byte(": ")); len(device) > 0 && device[0] == '%' {
		o.cisco(device)
		return
	}
	o.cutTag()
}

func endsTag(w []byte) bool {
	return len(w) > 1 && (w[len(w)-1] == ':' || w[len(w)-1] == ']' && bytes.IndexByte(w, '[') >= 0)
}

// cutTag cuts "tag[pid]: ", "tag: " or "[tag]: " off the message.
func (o *old) cutTag() {
	b := o.message
	if len(b) > 2 && b[0] == '[' && o.cutBracketed() {
		return
	}
	i := 0
	for i < len(b) && i < maxTag && b[i] != ':' && b[i] != '[' && b[i] != ' ' {
		i++
	}
	if i == 0 || i >= len(b) || i == maxTag {
		return
	}
	tag, rest := b[:i], b[i:]
	if rest[0] == '[' {
		end := bytes.IndexByte(rest, ']')
		if end < 1 || end > maxTag {
			return
		}
		o.pid = rest[1:end]
		rest = rest[end+1:]
	}
	switch {
	case len(rest) > 0 && rest[0] == ':':
		rest = rest[1:]
	case o.pid == nil: // "a word and": no tag
		return
	}
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	o.tag, o.message = tag, rest
}

// cutBracketed cuts "[tag]: " or, where no host is given, "[tag] ". Behind a host the latter is part of the message: kernels
// write "[   12.345678] ".
func (o *old) cutBracketed() bool {
	b := o.message
	end := bytes.IndexByte(b, ']')
	if end < 2 || end > maxTag || bytes.IndexByte(b[:end], ' ') >= 0 {
		return false
	}
	rest, colon := bytes.CutPrefix(b[end+1:], []byte(":"))
	if !colon && (o.host != nil || len(rest) == 0 || rest[0] != ' ') {
		return false
	}
	o.tag, o.message = b[1:end], bytes.TrimPrefix(rest, []byte(" "))
	return true
}

// bsd reads a message of RFC 3164 behind its priority, which ends at n. With a priority, anything may follow (section
// 4.3.3); without one, a line that begins with no time is foul.
func (m *messages) bsd(b *event.Builder, record []byte, n int, received int64) (reason string) {
	var o old
	if !o.cut(record[n:]) {
		if n == 0 {
			return noTime
		}
		m.text(b, nil, record[n:])
		return ""
	}
	m.timed = true
	if o.isLabel {
		b.Time(event.Timestamp, o.label)
	} else if o.when.Year == 0 {
		b.Time(event.Timestamp, m.zone.Near(&o.when, received))
	} else {
		b.Time(event.Timestamp, m.zone.Instant(&o.when))
	}
	if !o.when.HasZone && !o.isLabel {
		b.Flag(event.NoZone)
	}
	host(b, o.host)
	if o.tag != nil {
		b.Str(event.ProcessName, o.tag)
	}
	if len(o.pid) > 0 {
		m.process(b, o.pid)
	}
	if o.mnemonic != nil {
		b.Str(event.EventCode, o.mnemonic)
	}
	m.text(b, o.tag, o.message)
	return ""
}
