package combined

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/event"
)

// A layout is an order of fields of a user's own, compiled: text that stands in every line, and fields between it.
type layout struct {
	pieces []piece
	end    []byte // the text behind the last field
	local  bool   // some field is a part of a wall-clock time

	asks bool // there is the whole request line
}

// A piece is one field and the text before it.
type piece struct {
	text   []byte
	op     op
	id     event.FieldID // where the value goes; 0: it becomes a label
	label  []byte        // name of that label
	unit   int64         // of a duration or an epoch, in nanoseconds
	conv   byte          // of a part of a time: the conversion, as strftime has it
	quoted bool          // it stands between quotation marks
	list   bool          // it may hold several values with blanks between them
	spare  bool          // another field says the same; this one becomes a label
	reason string        // what a line is rejected for in which nothing fits
	spelt  string        // the directive as written
	column int           // where it begins in the setting, from 1
}

// An op says what a field looks like and what is done with it.
type op uint8

const (
	opText     op = iota // any text
	opIgnored            // any text, to no purpose
	opHost               // an address or a name
	opAddr               // an address
	opInt                // a whole number
	opDuration           // a number with decimals, of units
	opStatus             // three digits
	opRequest            // a request line
	opTarget             // its target, path and query
	opPath               // its path
	opQuery              // its query, with the question mark before it unless it is empty
	opArgs               // its query
	opIsArgs             // the question mark of a query, or nothing
	opVersion            // HTTP/1.1
	opCLF                // 17/May/2015:10:05:03 +0000
	opISO                // 2015-05-17T10:05:03+00:00
	opEpoch              // a number with decimals, of units since 1970
	opPart               // a part of a time, such as the hour
)

// Limits of the setting.
const (
	maxFormat = 4096
	maxPieces = 128
)

// bounded reports whether the field ends by itself, so that another may follow at once.
func (p *piece) bounded() bool {
	switch p.op {
	case opCLF, opIsArgs:
		return true
	case opPart:
		return width(p.conv) > 0
	default:
		return false
	}
}

// A compiler puts a layout together.
type compiler struct {
	layout layout
	text   []byte
	flaws  []error
}

func (c *compiler) failf(column int, format string, args ...any) {
	c.flaws = append(c.flaws, fmt.Errorf("log_format: column %d: %w", column, fmt.Errorf(format, args...)))
}

// literal adds text.
func (c *compiler) literal(text ...byte) { c.text = append(c.text, text...) }

// field adds a field. The first that goes to a field of the schema has it; what comes later becomes a label.
func (c *compiler) field(p piece) {
	all := c.layout.pieces
	if len(c.text) == 0 && len(all) > 0 {
		before := &all[len(all)-1]
		if !before.bounded() && (before.op != opPath || p.op != opQuery && p.op != opIsArgs) {
			c.failf(p.column, "%s follows %s with nothing between them, so that nobody can tell where one ends: want some text there, such as a blank", p.spelt, before.spelt)
		}
	}
	p.list = p.op == opHost || bytes.HasPrefix(p.label, []byte("upstream_")) || bytes.Contains(p.label, []byte("forwarded"))
	p.text, c.text = c.text, nil
	p.quoted = len(p.text) > 0 && p.text[len(p.text)-1] == '"'
	p.reason = "nothing that fits " + p.spelt
	c.layout.pieces = append(all, p)
}

// share decides which of several fields that say the same counts: the request line before its parts, its target before path
// and query, the status of the last internal request before that of the first, otherwise the one that comes first. The others become labels.
func (l *layout) share() {
	var taken []event.FieldID
	targeted, timed, final := false, false, false
	for i := range l.pieces {
		p := &l.pieces[i]
		l.asks = l.asks || p.op == opRequest
		targeted = targeted || p.op == opTarget
		final = final || p.final()
	}
	for i := range l.pieces {
		p := &l.pieces[i]
		id := p.id
		switch p.op {
		case opRequest:
			id = event.Message
		case opTarget:
			id, p.spare = event.URLOriginal, l.asks
		case opPath:
			id, p.spare = event.URLPath, l.asks || targeted
		case opQuery, opArgs:
			id, p.spare = event.URLQuery, l.asks || targeted
		case opIsArgs:
			p.spare = l.asks || targeted
		case opVersion:
			id, p.spare = event.HTTPVersion, l.asks
		case opStatus:
			id, p.spare = event.HTTPStatus, final && !p.final()
		case opHost:
			id = event.SourceIP
		case opPart:
			l.local = l.local || p.conv > partMicros
		case opCLF, opISO, opEpoch:
			if timed {
				p.op = opText
			}
			id, timed = event.Timestamp, true
		}
		p.spare = p.spare || id == event.HTTPMethod && l.asks || id != 0 && slices.Contains(taken, id)
		if !p.spare {
			taken = append(taken, id)
		}
	}
}

// final reports whether the field is Apache's %>s, the status of the last internal request.
func (p *piece) final() bool { return p.op == opStatus && strings.Contains(p.spelt, ">") }

// finish checks the whole.
func (c *compiler) finish() (*layout, []error) {
	l := &c.layout
	l.end = c.text
	switch {
	case len(l.pieces) == 0 && len(c.flaws) == 0:
		c.failf(1, "no field: want directives such as %%h or variables such as $remote_addr, or one of common, combined, vhost_combined")
	case len(l.pieces) > maxPieces:
		c.failf(1, "%d fields, want %d or fewer", len(l.pieces), maxPieces)
	}
	l.share()
	for i := range l.pieces {
		p, next := &l.pieces[i], l.end
		if i+1 < len(l.pieces) {
			next = l.pieces[i+1].text
		}
		p.quoted = p.quoted && len(next) > 0 && next[0] == '"'
	}
	return l, c.flaws
}

// nicknames are the orders that Apache's own configuration names (Apache HTTP Server 2.4, mod_log_config, "Examples").
func nickname(name string) (format string, ok bool) {
	switch name {
	case "common":
		return `%h %l %u %t "%r" %>s %b`, true
	case "combined":
		return `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`, true
	case "vhost_combined":
		return `%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"`, true
	}
	return "", false
}

// compile reads the setting. It is Apache's if it holds a directive such as %h, and nginx's if it holds a variable such as
// $host.
func compile(format string) (*layout, []error) {
	if given, ok := nickname(format); ok {
		format = given
	}
	var c compiler
	if len(format) > maxFormat {
		c.failf(1, "%d bytes, want %d or fewer", len(format), maxFormat)
		return nil, c.flaws
	}
	percent, dollar := firstDirective(format), firstVariable(format)
	switch {
	case percent >= 0 && dollar >= 0:
		c.failf(max(percent, dollar)+1, "both Apache's %% and nginx's $ in one order: want those of one server")
		return nil, c.flaws
	case dollar >= 0:
		c.nginx(format)
	default:
		c.apache(format)
	}
	return c.finish()
}

func firstDirective(format string) int {
	for i := 0; i+1 < len(format); i++ {
		if n := format[i+1]; format[i] == '%' && n != '%' && (isLetter(n) || n == '{' || n == '<' || n == '>' || n == '!' || n == '^' || isDigit(n)) {
			return i
		} else if format[i] == '%' {
			i++
		}
	}
	return -1
}

func firstVariable(format string) int {
	for i := 0; i+1 < len(format); i++ {
		if n := format[i+1]; format[i] == '$' && (isLetter(n) || n == '{' || n == '_') {
			return i
		}
	}
	return -1
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// escape reads what follows a backslash, as it stands in a configuration in quotes.
func (c *compiler) escape(format string, i int) (next int) {
	if i+1 == len(format) {
		c.failf(i+1, `a backslash at the end: want \\ for a backslash`)
		return i + 1
	}
	switch e := format[i+1]; e {
	case 't':
		c.literal('\t')
	case 'n', 'r':
		c.failf(i+1, `\%c would end the line: want all fields of an access in one line`, e)
	case '"', '\'', '\\':
		c.literal(e)
	default:
		c.literal('\\', e)
	}
	return i + 2
}
