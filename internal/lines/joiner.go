package lines

import (
	"bytes"
	"fmt"
	"regexp"
	"time"

	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// A Joiner makes one record of the lines that belong together. Its record reaches from the beginning of its first line to the
// end of its last one; between its lines stands \n, and blank lines at its end are left out. The record at hand is open until
// a line comes that belongs to the next one, or until Rest: whoever resumes a file begins with the first line of the open
// record, since nothing of it was handed on.
//
// A record that would pass a limit ends before the line that does not fit, and is marked Cut; that line begins the next one.
// So no line is lost to a pattern that is wrong. Lines before the first beginning are a record of their own. Not for use by
// several goroutines at once.
type Joiner struct {
	start, more  *regexp.Regexp // one of them is set
	lines, bytes int
	wait         time.Duration

	buf    []byte // of the records that were returned, and the open one behind them
	first  int    // where the open one begins in buf
	open   source.Record
	count  int       // lines of the open one; 0: there is none
	since  time.Time // when its last line came
	joined []source.Record
}

// NewJoiner returns a joiner for settings that are on and valid.
func NewJoiner(m parser.Multiline) (*Joiner, error) {
	j := &Joiner{}
	var err error
	if m.Start != "" {
		j.start, err = regexp.Compile(m.Start)
	} else {
		j.more, err = regexp.Compile(m.Continue)
	}
	j.lines, j.bytes, j.wait = m.Limits()
	if err != nil {
		return nil, fmt.Errorf("join lines: %w", err)
	}
	return j, nil
}

// Join takes the next lines in and returns the records that are whole by now, which are valid until the next call of Join. The
// lines need not be valid afterwards.
func (j *Joiner) Join(lines []source.Record, now time.Time) []source.Record {
	j.buf = append(j.buf[:0], j.buf[j.first:]...)
	j.first, j.joined = 0, j.joined[:0]
	for i := range lines {
		l := &lines[i]
		if j.count > 0 {
			fits := j.count < j.lines && len(j.buf)-j.first+1+len(l.Data) <= j.bytes
			belongs := j.belongs(l.Data)
			if belongs && fits {
				j.buf = append(append(j.buf, '\n'), l.Data...)
				j.open.To, j.open.Cut = l.To, j.open.Cut || l.Cut
				j.count++
				continue
			}
			j.open.Cut = j.open.Cut || belongs
			j.end()
		}
		j.buf = append(j.buf, l.Data...)
		j.open, j.count = *l, 1
	}
	if len(lines) > 0 {
		j.since = now
	}
	return j.joined
}

func (j *Joiner) belongs(line []byte) bool {
	if j.start != nil {
		return !j.start.Match(line)
	}
	return j.more.Match(line)
}

// end makes the open record one that is whole.
func (j *Joiner) end() {
	r := j.open
	r.Data = j.buf[j.first:len(j.buf):len(j.buf)]
	if j.count > 1 {
		r.Data, r.Lines = bytes.TrimRight(r.Data, "\n"), j.count
	}
	j.joined = append(j.joined, r)
	j.first, j.count = len(j.buf), 0
}

// Rest ends the open record and returns it; false when there is none. It is valid until the next call of Join.
func (j *Joiner) Rest() (source.Record, bool) {
	if j.count == 0 {
		return source.Record{}, false
	}
	j.joined = j.joined[:0]
	j.end()
	return j.joined[0], true
}

// Due reports whether the open record is to be taken for whole, since nothing came for so long.
func (j *Joiner) Due(now time.Time) bool { return j.count > 0 && now.Sub(j.since) >= j.wait }
