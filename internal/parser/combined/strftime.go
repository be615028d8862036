package combined

import (
	"strings"

	"tocsin/internal/instant"
)

// time adds %t or %{format}t.
func (c *compiler) time(p piece, format string) {
	rest, end := strings.CutPrefix(format, "end:")
	rest = strings.TrimPrefix(rest, "begin:")
	switch {
	case end: // an access is dated by its beginning, as %t dates it
		p.op, p.label = opText, []byte("end")
		if strings.ContainsRune(rest, '%') {
			c.failf(p.column, "%s: the end of a request is read as a number only: want end:sec, end:msec or end:usec", p.spelt)
		}
	case rest == "":
		c.literal('[')
		p.op = opCLF
		p.label = []byte("time")
		c.field(p)
		c.literal(']')
		return
	case rest == "sec":
		p.op, p.unit, p.label = opEpoch, 1e9, []byte("time_sec")
	case rest == "msec":
		p.op, p.unit, p.label = opEpoch, 1e6, []byte("time_msec")
	case rest == "usec":
		p.op, p.unit, p.label = opEpoch, 1e3, []byte("time_usec")
	case rest == "msec_frac":
		p.op, p.conv = opPart, partMillis
	case rest == "usec_frac":
		p.op, p.conv = opPart, partMicros
	default:
		c.strftime(p, rest)
		return
	}
	c.field(p)
}

// Parts of a time without a conversion of strftime.
const (
	partMillis = 1 // three digits
	partMicros = 2 // six digits
)

// strftime adds the parts of a time (POSIX, strftime). Names of days are passed over, since the date says them.
func (c *compiler) strftime(p piece, format string) {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			c.literal(format[i])
			continue
		}
		i++
		if i == len(format) {
			c.failf(p.column, "%s: a percent sign at the end of the time: want %%%% for one", p.spelt)
			return
		}
		switch conv := format[i]; conv {
		case '%', 'n', 't':
			c.literal(map[byte]byte{'%': '%', 'n': '\n', 't': '\t'}[conv])
		case 'T':
			c.strftime(p, "%H:%M:%S")
		case 'R':
			c.strftime(p, "%H:%M")
		case 'D':
			c.strftime(p, "%m/%d/%y")
		case 'F':
			c.strftime(p, "%Y-%m-%d")
		case 'r':
			c.strftime(p, "%I:%M:%S %p")
		case 'c':
			c.strftime(p, "%a %b %e %H:%M:%S %Y")
		case 'h':
			c.strftime(p, "%b")
		case 's':
			p.op, p.unit = opEpoch, 1e9
			c.field(p)
		default:
			if width(conv) == 0 && conv != 'Z' {
				c.failf(p.column, "%s: %%%c is not read: want a b c d D e F h H I j m M n p r R s S T t y Y z Z", p.spelt, conv)
				return
			}
			part := p
			part.op, part.conv = opPart, conv
			c.field(part)
		}
	}
}

// width is how many bytes a part of a time takes; 0 when that varies.
func width(conv byte) int {
	switch conv {
	case 'd', 'e', 'm', 'H', 'I', 'M', 'S', 'y', 'p':
		return 2
	case 'a', 'b', 'j', partMillis:
		return 3
	case 'Y':
		return 4
	case 'z':
		return 5
	case partMicros:
		return 6
	}
	return 0
}

// A wall is a time that is read part by part.
type wall struct {
	instant.Reading
	noon, afternoon bool // there was a %p, and it said PM
	day             int  // of the year; 0: not said
}

// part reads the part that takes up all of b.
func (w *wall) part(conv byte, b []byte) bool {
	n, ok := whole(b)
	switch conv {
	case 'a':
		return len(b) == 3
	case 'b':
		w.Month = instant.Month(b)
		return w.Month > 0
	case 'e':
		if len(b) > 0 && b[0] == ' ' {
			n, ok = whole(b[1:])
		}
		w.Day = n
	case 'd':
		w.Day = n
	case 'm':
		w.Month = n
	case 'Y':
		w.Year = n
	case 'y': // POSIX: 69 to 99 are of the 20th century
		w.Year = n + 2000
		if n >= 69 {
			w.Year = n + 1900
		}
	case 'j':
		w.day = n
	case 'H', 'I':
		w.Hour = n
	case 'M':
		w.Minute = n
	case 'S':
		w.Second = n
	case 'p':
		w.noon, w.afternoon = true, b[0]|0x20 == 'p'
		return b[0]|0x20 == 'p' || b[0]|0x20 == 'a'
	case partMillis:
		w.Nanos = n * 1e6
	case partMicros:
		w.Nanos = n * 1e3
	case 'z':
		return w.offset(b)
	case 'Z':
		if string(b) == "UTC" || string(b) == "GMT" {
			w.HasZone = true
		}
		return true
	}
	return ok
}

func (w *wall) offset(b []byte) bool {
	if len(b) != 5 || b[0] != '+' && b[0] != '-' {
		return false
	}
	h, ok := whole(b[1:3])
	m, also := whole(b[3:5])
	if !ok || !also || h > 23 || m > 59 {
		return false
	}
	w.HasZone, w.Offset = true, h*3600+m*60
	if b[0] == '-' {
		w.Offset = -w.Offset
	}
	return true
}

// settle makes one reading of the parts; false when there is no such time.
func (w *wall) settle() bool {
	if w.noon {
		if w.Hour < 1 || w.Hour > 12 {
			return false
		}
		w.Hour %= 12
		if w.afternoon {
			w.Hour += 12
		}
	}
	if w.day > 0 && w.Month == 0 {
		for month := 1; month <= 12; month++ {
			first := int(instant.Civil(w.Year, month, 1) - instant.Civil(w.Year, 1, 1))
			if w.day > first {
				w.Month, w.Day = month, w.day-first
			}
		}
	}
	return w.Year > 0 && w.Valid()
}

// whole reads a number that takes up all of b, up to nine digits.
func whole(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
