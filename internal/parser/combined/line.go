package combined

import (
	"bytes"
	"math"

	"tocsin/internal/parser"
)

// A line is one access cut into its fields, which point into the record. A field that is absent is nil.
//
//	[vhost[:port]] host ident user [time] "request" status bytes ["referrer" "agent" [anything]]
type line struct {
	vhost, host, user        []byte
	zone                     []byte // the offset as written
	request, referrer, agent []byte
	at                       int64 // the time, in nanoseconds since 1970 UTC
	port                     int
	status                   int   // -1: none
	bytes                    int64 // -1: none, or more than an int64 holds
}

// A flaw says where a line went wrong; the zero flaw says that it did not. It is no pointer, since lines of servers that do
// not escape quotes are tried several times.
type flaw struct {
	offset int
	reason string
}

// The ways in which a line can be wrong.
const (
	noTime    = "no time in square brackets"
	noClient  = "no host, identity and user before the time"
	noRequest = "no request in quotes behind the time"
	openQuote = "no closing quote of the request"
	noStatus  = "no status behind the request"
	noBytes   = "no number of bytes behind the status"
)

// maxBrackets bounds how many brackets are tried as the beginning of the time: a user name may hold some.
const maxBrackets = 8

func (l *line) cut(record []byte, c *clock) flaw {
	open, at, bad := l.time(record, c)
	if bad.reason != "" {
		return bad
	}
	if !l.who(record[:open-1]) {
		return flaw{reason: noClient}
	}
	if at+1 >= len(record) || record[at] != ' ' || record[at+1] != '"' {
		return flaw{min(at, len(record)), noRequest}
	}
	at, bad = l.ask(record, at+2)
	if bad.reason != "" {
		return bad
	}
	l.headers(record[at:])
	return flaw{}
}

// time finds the time in brackets. It returns where its bracket opens, behind a blank, and what stands behind the one that
// closes it.
func (l *line) time(record []byte, c *clock) (open, behind int, bad flaw) {
	if i := bytes.IndexByte(record, ' '); i > 0 && len(record) > i+6 && string(record[i:i+6]) == " - - [" {
		open = i + 5 // nearly every line
	}
	for range maxBrackets {
		i := bytes.IndexByte(record[open:], '[')
		if i < 0 {
			break
		}
		open += i
		if at, zone, n := c.read(record[open+1:]); n > 0 && open > 0 && record[open-1] == ' ' {
			l.at, l.zone = at, zone
			return open, open + n + 2, flaw{}
		}
		open++
	}
	return 0, 0, flaw{min(open, len(record)), noTime}
}

// who cuts what stands before the time. Proxies put several addresses, divided by commas, where the client belongs: the
// first is the client. With four words the first is the virtual host, unless the second cannot be a client, as in the case
// of a user name with a blank.
func (l *line) who(head []byte) bool {
	if n := len(head) - len(" - -"); n > 0 && string(head[n:]) == " - -" && head[n-1] != ',' && bytes.IndexByte(head[:n], ' ') < 0 {
		l.host, l.user = head[:n], head[n+3:] // nearly every line
		return true
	}
	first, rest := word(head)
	if listed(first) {
		client := first[:len(first)-1]
		for listed(first) {
			first, rest = word(rest)
		}
		first = client
	}
	second, more := word(rest)
	third, last := word(more)
	if len(third) == 0 {
		return false
	}
	if len(last) > 0 && vhostBefore(first, second) {
		l.vhost, l.port = hostPort(first)
		l.host, l.user = second, last
		return true
	}
	l.host, l.user = first, more
	return true
}

// listed reports whether another address follows w in a list.
func listed(w []byte) bool { return len(w) > 1 && w[len(w)-1] == ',' }

// vhostBefore reports whether, of four or more words, the first is a virtual host and the second the client.
func vhostBefore(first, second []byte) bool {
	if _, isAddr := parser.Address(second); isAddr {
		return true
	}
	if _, isAddr := parser.Address(first); isAddr || len(second) < 2 {
		return false
	}
	return bytes.IndexByte(first, ':') > 0
}

func hostPort(v []byte) (host []byte, port int) {
	i := bytes.LastIndexByte(v, ':')
	if i < 0 || len(v)-i > 6 || i == len(v)-1 {
		return v, 0
	}
	for _, c := range v[i+1:] {
		if c < '0' || c > '9' {
			return v, 0
		}
		port = port*10 + int(c-'0')
	}
	if port > math.MaxUint16 {
		return v, 0
	}
	return v[:i], port
}

// word cuts off the first word; blanks before it are skipped.
func word(b []byte) (w, rest []byte) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// ask cuts request, status and bytes; at stands behind the opening quote. Servers that escape end the request at the first
// quote without a backslash. Of those that do not, a quote counts as the end if a status stands behind it.
func (l *line) ask(record []byte, at int) (next int, bad flaw) {
	end := closing(record, at)
	if end >= 0 {
		if next, bad = l.numbers(record, end+1); bad.reason == "" {
			l.request = record[at:end]
			return next, flaw{}
		}
	} else {
		bad = flaw{at - 1, openQuote}
	}
	for q := at; ; q++ {
		i := bytes.IndexByte(record[q:], '"')
		if i < 0 {
			return 0, bad
		}
		q += i
		if next, worse := l.numbers(record, q+1); worse.reason == "" {
			l.request = record[at:q]
			return next, flaw{}
		}
	}
}

// closing returns where the next quote stands that no backslash escapes, -1 when there is none.
func closing(b []byte, at int) int {
	for {
		i := bytes.IndexByte(b[at:], '"')
		if i < 0 {
			return -1
		}
		at += i
		slashes := 0
		for at-slashes > 0 && b[at-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
		at++
	}
}

// numbers reads " status bytes"; next is behind them.
func (l *line) numbers(b []byte, at int) (next int, bad flaw) {
	if at >= len(b) || b[at] != ' ' {
		return 0, flaw{at, noStatus}
	}
	at++
	switch {
	case at+3 <= len(b) && isDigit(b[at]) && isDigit(b[at+1]) && isDigit(b[at+2]):
		l.status = int(b[at]-'0')*100 + int(b[at+1]-'0')*10 + int(b[at+2]-'0')
		at += 3
	case at < len(b) && b[at] == '-':
		l.status = -1
		at++
	default:
		return 0, flaw{min(at, len(b)), noStatus}
	}
	if at >= len(b) || b[at] != ' ' {
		return 0, flaw{at, noBytes}
	}
	return l.size(b, at+1)
}

func (l *line) size(b []byte, at int) (next int, bad flaw) {
	n, width := decimal(b[at:])
	if at += width; width == 0 {
		if at >= len(b) || b[at] != '-' {
			return 0, flaw{min(at, len(b)), noBytes}
		}
		n = -1
		at++
	}
	if at < len(b) && b[at] != ' ' && b[at] != '\t' {
		return 0, flaw{at, noBytes}
	}
	l.bytes = n
	return at, flaw{}
}

// headers cuts referrer and agent, if they are there. A quote that never closes, as in a line that was cut, ends with it.
func (l *line) headers(b []byte) {
	l.referrer, b = quoted(b)
	if l.referrer != nil {
		l.agent, _ = quoted(b)
	}
}

func quoted(b []byte) (v, rest []byte) {
	if len(b) > 4 && string(b[:4]) == ` "-"` {
		return b[2:3:3], b[4:]
	}
	if len(b) < 2 || b[0] != ' ' || b[1] != '"' {
		return nil, nil
	}
	if end := closing(b, 2); end >= 0 {
		return b[2:end:end], b[end+1:]
	}
	return b[2:], nil
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// absent reports whether a field says that there is nothing.
func absent(v []byte) bool { return len(v) == 0 || len(v) == 1 && v[0] == '-' }

func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
