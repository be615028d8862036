package combined

import (
	"strings"

	"tocsin/internal/event"
)

// allowed lists the directives for messages.
const allowed = "%% a A b B {name}C D {name}e f h H {name}i I k l L m {name}n {name}o O p P q r R s S t {format}t T u U v V {name}x X ^FB {name}^ti {name}^to"

// apache reads an order as Apache spells it (Apache HTTP Server 2.4, mod_log_config, "Custom Log Formats"; %I, %O, %S and
// %^FB are mod_logio's, {name}x and {name}c mod_ssl's).
func (c *compiler) apache(format string) {
	for i := 0; i < len(format); {
		switch {
		case format[i] == '\\':
			i = c.escape(format, i)
		case format[i] != '%':
			c.literal(format[i])
			i++
		default:
			i = c.directive(format, i)
		}
	}
}

// directive reads one directive; from is where its percent sign stands.
func (c *compiler) directive(format string, from int) (next int) {
	column := from + 1
	i := from + 1
	// Conditions on the status and the choice between the first and the last of several internal requests change what is
	// logged, "-" or the value, and not how it looks.
	for i < len(format) && (format[i] == '!' || format[i] == ',' || format[i] == '<' || format[i] == '>' || isDigit(format[i])) {
		i++
	}
	name, braces := "", false
	if i < len(format) && format[i] == '{' {
		end := strings.IndexByte(format[i:], '}')
		if end < 0 {
			c.failf(column, "no closing brace: want %s", allowed)
			return len(format)
		}
		name, braces = format[i+1:i+end], true
		i += end + 1
		for i < len(format) && (format[i] == '<' || format[i] == '>') {
			i++
		}
	}
	if i == len(format) {
		c.failf(column, "%s ends before its letter: want %s", format[from:], allowed)
		return i
	}
	size := 1
	if format[i] == '^' {
		size = min(3, len(format)-i)
	}
	letter := format[i : i+size]
	next = i + size
	p := piece{column: column, spelt: format[from:next]}
	switch {
	case letter == "%" && !braces:
		c.literal('%')
	case letter == "t":
		c.time(p, name)
	case c.named(p, letter, name, braces), c.plain(p, letter, name):
	default:
		c.failf(column, "%s is no directive: want %s", p.spelt, allowed)
	}
	return next
}

// named adds a directive whose name in braces says which of many; false when it is none of those.
func (c *compiler) named(p piece, letter, name string, braces bool) bool {
	var prefix string
	switch letter {
	case "i", "^ti":
		prefix = "http.request.headers."
	case "o", "^to":
		prefix = "http.response.headers."
	case "C":
		prefix = "cookie."
	case "e":
		prefix = "env."
	case "n":
		prefix = "note."
	case "x":
		prefix = "ssl."
	case "c":
		if name == "" {
			return false
		}
		prefix = "ssl."
	default:
		return false
	}
	if !braces || name == "" {
		c.failf(p.column, "%s names nothing: want a name in braces, as in %%{Referer}i", p.spelt)
		return true
	}
	if letter == "i" || letter == "o" || letter == "^ti" || letter == "^to" {
		name = strings.ToLower(name)
	}
	p.label = []byte(prefix + name)
	if letter == "i" {
		p.id = header(name)
	}
	c.field(p)
	return true
}

// header returns the field of the schema that a request header has, 0 when there is none.
func header(name string) event.FieldID {
	switch name {
	case "referer":
		return event.HTTPReferrer
	case "user-agent":
		return event.UserAgent
	case "host":
		return event.URLDomain
	case "x-request-id":
		return event.HTTPRequestID
	}
	return 0
}

// plain adds a directive of one letter; false when there is none such.
func (c *compiler) plain(p piece, letter, name string) bool {
	if name == "" {
		known, ok := directives[letter]
		p.op, p.id, p.label, p.unit = known.op, known.id, []byte(known.label), known.unit
		if ok {
			c.field(p)
		}
		return ok
	}
	switch letter + " " + name {
	case "a c", "h c":
		p.op, p.label = opText, []byte("peer_address")
	case "p canonical", "p local":
		p.op, p.id, p.label = opInt, event.DestinationPort, []byte("local_port")
	case "p remote":
		p.op, p.id, p.label = opInt, event.SourcePort, []byte("remote_port")
	case "P pid":
		p.op, p.id, p.label = opInt, event.ProcessPID, []byte("pid")
	case "P tid", "P hextid":
		p.op, p.label = opText, []byte("thread_id")
	case "T s":
		p.op, p.id, p.unit, p.label = opDuration, event.EventDuration, 1e9, []byte("duration_s")
	case "T ms":
		p.op, p.id, p.unit, p.label = opDuration, event.EventDuration, 1e6, []byte("duration_ms")
	case "T us":
		p.op, p.id, p.unit, p.label = opDuration, event.EventDuration, 1e3, []byte("duration_us")
	case "L c":
		p.op, p.label = opText, []byte("connection_log_id")
	default:
		if letter == "u" || letter == "s" || letter == "r" { // 2.2 allowed names where they say nothing
			return c.plain(p, letter, "")
		}
		return false
	}
	c.field(p)
	return true
}

// A known is what a directive or variable stands for.
type known struct {
	op    op
	id    event.FieldID
	label string
	unit  int64
}

var directives = map[string]known{
	"a":   {op: opHost, label: "remote_address"},
	"A":   {op: opAddr, id: event.DestinationIP, label: "local_address"},
	"b":   {op: opInt, id: event.HTTPResponseBytes, label: "body_bytes"},
	"B":   {op: opInt, id: event.HTTPResponseBytes, label: "body_bytes"},
	"D":   {op: opDuration, id: event.EventDuration, unit: 1e3, label: "duration_us"},
	"f":   {op: opText, label: "filename"},
	"h":   {op: opHost, label: "remote_host"},
	"H":   {op: opVersion, label: "request_protocol"},
	"I":   {op: opInt, id: event.HTTPRequestBytes, label: "bytes_received"},
	"k":   {op: opText, label: "keepalive"},
	"l":   {op: opText, label: "ident"},
	"L":   {op: opText, label: "log_id"},
	"m":   {op: opText, id: event.HTTPMethod, label: "request_method"},
	"O":   {op: opInt, id: event.HTTPResponseBytes, label: "bytes_sent"},
	"p":   {op: opInt, id: event.DestinationPort, label: "server_port"},
	"P":   {op: opInt, id: event.ProcessPID, label: "pid"},
	"q":   {op: opQuery, label: "query"},
	"r":   {op: opRequest, label: "request"},
	"R":   {op: opText, label: "handler"},
	"s":   {op: opStatus, label: "status"},
	"S":   {op: opText, label: "bytes_transferred"},
	"T":   {op: opDuration, id: event.EventDuration, unit: 1e9, label: "duration_s"},
	"u":   {op: opText, id: event.UserName, label: "remote_user"},
	"U":   {op: opPath, label: "path"},
	"v":   {op: opText, id: event.URLDomain, label: "server_name"},
	"V":   {op: opText, id: event.URLDomain, label: "canonical_name"},
	"X":   {op: opText, label: "connection_status"},
	"^FB": {op: opText, label: "first_byte_us"},
}
