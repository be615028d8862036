package hdfs

import (
	"bytes"

	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// A form is one of the ways in which a line can be written.
type form uint8

const (
	raw    form = iota + 1 // yymmdd hhmmss pid LEVEL component: content
	log4j                  // yyyy-mm-dd hh:mm:ss,fff LEVEL component: content
	csv                    // columns
	header                 // the names of the columns
)

// columns is the order of the columns of structured CSV (Loghub, "HDFS_2k.log_structured.csv"); further ones are left alone.
const columns = "LineId,Date,Time,Pid,Level,Component,Content,EventId,EventTemplate"

const columnCount = 9

// The ways in which a line can be wrong.
const (
	noLine      = "neither a date, time and process nor columns"
	fewColumns  = "fewer than nine columns"
	otherHeader = "a header with other columns"
	openQuote   = "no closing quote of a column"
	behindQuote = "text behind the closing quote of a column"
	noLevel     = "no level behind the process"
	noComponent = "no component with a colon behind the level"
)

// A flaw says where a line went wrong; the zero flaw says that it did not.
type flaw struct {
	offset int
	reason string
}

// A line is one line cut into its fields, which point into the record or into text.
type line struct {
	form                                  form
	when                                  instant.Reading
	timed                                 bool // when could be read
	lineID, pid, level                    []byte
	component, content, eventID, template []byte
	thread                                []byte // of Log4j, whose pattern may put it in brackets before the component
	text                                  []byte // the columns that had doubled quotes
}

// cut takes a line apart that has no blanks around it.
func (l *line) cut(b []byte) flaw {
	*l = line{text: l.text[:0]}
	if len(b) > 14 && b[6] == ' ' && b[13] == ' ' && sixDigits(b) && sixDigits(b[7:]) {
		l.form = raw
		l.timed = l.compact(b[:6], b[7:13])
		return l.words(b, 14)
	}
	if r, ok := instant.RFC3339(b); ok && r.Len < len(b) && b[r.Len] == ' ' {
		l.form, l.when, l.timed = log4j, r, true
		return l.words(b, r.Len+1)
	}
	return l.cells(b)
}

// words reads what stands behind the time: process, which Log4j leaves out, level, component and content.
func (l *line) words(b []byte, at int) flaw {
	if l.form == raw {
		l.pid, at = word(b, at)
		if _, ok := parser.Whole(l.pid); !ok {
			return flaw{14, noLine}
		}
	}
	from := at
	if l.level, at = word(b, at); !isLevel(l.level) {
		return flaw{min(from, len(b)), noLevel}
	}
	at = len(b) - len(bytes.TrimLeft(b[at:], " "))
	from = at
	if end := bytes.Index(b[at:], []byte("] ")); l.form == log4j && end > 0 && b[at] == '[' {
		l.thread = b[at+1 : at+end]
		at += end + 2
	}
	if colon := bytes.Index(b[at:], []byte(": ")); colon >= 0 {
		l.component = b[at : at+colon]
		l.content = bytes.TrimLeft(b[at+colon+2:], " ")
	} else if n := len(b); n > at && b[n-1] == ':' { // the content was empty, and blanks at the end are taken off
		l.component, l.content = b[at:n-1], b[n:]
	}
	if len(l.component) == 0 {
		return flaw{min(from, len(b)), noComponent}
	}
	return flaw{}
}

// word skips blanks and reads up to the next one; next stands behind it.
func word(b []byte, at int) (w []byte, next int) {
	for at < len(b) && b[at] == ' ' { // Log4j fills up levels with them
		at++
	}
	if i := bytes.IndexByte(b[at:], ' '); i >= 0 {
		return b[at : at+i], at + i + 1
	}
	return b[at:], len(b)
}

// isLevel reports whether w looks like INFO, WARN and their like.
func isLevel(w []byte) bool {
	if len(w) < 3 || len(w) > 9 {
		return false
	}
	for _, c := range w {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// cells reads a line of CSV (RFC 4180), whose columns do not go over lines.
func (l *line) cells(b []byte) flaw {
	if bytes.IndexByte(b, ',') < 0 {
		return flaw{0, noLine}
	}
	if bytes.HasPrefix(b, []byte("LineId,")) {
		l.form = header
		if !bytes.Equal(b, []byte(columns)) && !bytes.HasPrefix(b, []byte(columns+",")) {
			return flaw{0, otherHeader}
		}
		return flaw{}
	}
	l.form = csv
	var cell [columnCount][]byte
	at := 0
	for i := range cell {
		if at > len(b) {
			return flaw{len(b), fewColumns}
		}
		var bad flaw
		if cell[i], at, bad = l.cell(b, at); bad.reason != "" {
			return bad
		}
	}
	l.timed = l.compact(cell[1], cell[2]) || l.dashed(cell[1], cell[2])
	l.lineID, l.pid, l.level, l.component = cell[0], cell[3], cell[4], cell[5]
	l.content, l.eventID, l.template = cell[6], cell[7], cell[8]
	return flaw{}
}

// cell reads one column; next stands behind the comma that ends it, or beyond the end of the line.
func (l *line) cell(b []byte, at int) (v []byte, next int, bad flaw) {
	if at == len(b) || b[at] != '"' {
		if i := bytes.IndexByte(b[at:], ','); i >= 0 {
			return b[at : at+i], at + i + 1, flaw{}
		}
		return b[at:], len(b) + 1, flaw{}
	}
	open, from := at, len(l.text)
	for at++; ; at++ {
		i := bytes.IndexByte(b[at:], '"')
		if i < 0 {
			return nil, 0, flaw{open, openQuote}
		}
		end := at + i
		if end+1 < len(b) && b[end+1] == '"' { // doubled: one quote is meant
			l.text = append(l.text, b[at:end+1]...)
			at = end + 1
			continue
		}
		if end+1 < len(b) && b[end+1] != ',' {
			return nil, 0, flaw{end + 1, behindQuote}
		}
		v = b[at:end]
		if len(l.text) > from {
			l.text = append(l.text, v...)
			v = l.text[from:len(l.text):len(l.text)]
		}
		return v, end + 2, flaw{}
	}
}

// compact reads yymmdd and hhmmss. Years below 70 are of this century, as POSIX has it for %y.
func (l *line) compact(date, time []byte) bool {
	if len(date) != 6 || len(time) != 6 || !sixDigits(date) || !sixDigits(time) {
		return false
	}
	r := instant.Reading{Year: 1900 + two(date), Month: two(date[2:]), Day: two(date[4:]), Hour: two(time), Minute: two(time[2:]), Second: two(time[4:])}
	if r.Year < 1970 {
		r.Year += 100
	}
	l.when = r
	return r.Valid()
}

// dashed reads a date and a time in columns, such as 2015-10-18 and 18:01:47,978.
func (l *line) dashed(date, time []byte) bool {
	var buf [40]byte
	if len(date) != len("2006-01-02") || len(date)+1+len(time) > len(buf) {
		return false
	}
	text := append(append(append(buf[:0], date...), ' '), time...)
	r, ok := instant.RFC3339(text)
	l.when = r
	return ok && r.Len == len(text)
}

func sixDigits(b []byte) bool {
	for _, c := range b[:6] {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

func two(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }
