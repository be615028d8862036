package instant

import (
	"fmt"
	"strings"
)

// A Layout reads times written in one way. It keeps nothing from time to time and may be used by many at once.
type Layout struct {
	text  string
	named func([]byte) (Reading, bool)
	unit  int64  // of numbers since 1970; 0: told apart by size
	epoch bool   // it is such a number
	steps []byte // directives, and 0 before a byte that stands for itself
}

// layoutNames are the layouts that have a name.
const layoutNames = "rfc3339, clf, syslog, epoch, epoch_ms, epoch_us, epoch_ns"

// NewLayout returns the layout of a name, or the one that a text with the directives of strftime(3) describes:
//
//	rfc3339   2024-03-10T11:59:58.250+01:00, also with a blank for the T, a comma for the point, or without a zone
//	clf       10/Mar/2024:11:59:58 +0100
//	syslog    Mar 10 11:59:58, also with a year or a fraction
//	epoch     seconds since 1970 with any fraction; milli-, micro- and nanoseconds are told by their size
//	epoch_ms, epoch_us, epoch_ns
//
//	%Y %y (1970 to 2069) %m %d %e %j %H %I %p %M %S %b %B %a %A %z, %f a fraction of a second, %Z a name such as UTC,
//	%s seconds since 1970, and the short forms %F %T %D %R, %n, %t and %%
//
// Numbers may lack leading zeros where something else than a digit follows. A blank stands for one or more.
func NewLayout(text string) (*Layout, error) {
	l := &Layout{text: text}
	switch text {
	case "rfc3339":
		l.named = RFC3339
	case "clf":
		l.named = CLF
	case "syslog":
		l.named = BSD
	case "epoch", "%s":
		l.epoch = true
	case "epoch_ms":
		l.epoch, l.unit = true, 1e6
	case "epoch_us":
		l.epoch, l.unit = true, 1e3
	case "epoch_ns":
		l.epoch, l.unit = true, 1
	default:
		return l, l.compile(text)
	}
	return l, nil
}

// compile reads the directives.
func (l *Layout) compile(text string) error {
	long := strings.NewReplacer("%%", "%%", "%F", "%Y-%m-%d", "%T", "%H:%M:%S", "%D", "%m/%d/%y", "%R", "%H:%M", "%n", " ", "%t", " ",
		"%B", "%b", "%h", "%b", "%A", "%a", "%L", "%f", "%e", "%d").Replace(text)
	has := map[byte]bool{}
	for i := 0; i < len(long); i++ {
		c := long[i]
		switch {
		case c == ' ' || c == '\t':
			if n := len(l.steps); n == 0 || l.steps[n-1] != ' ' || n > 1 && l.steps[n-2] == 0 {
				l.steps = append(l.steps, ' ')
			}
		case c != '%':
			l.steps = append(l.steps, 0, c)
		case i+1 == len(long):
			return fmt.Errorf("got %q, whose %% at the end stands for nothing (%%%% is the sign itself)", l.text)
		default:
			i++
			switch d := long[i]; {
			case d == '%':
				l.steps = append(l.steps, 0, d)
			case strings.IndexByte("YymdjHIpMSbazfZ", d) >= 0:
				if has[d] {
					return fmt.Errorf("got %q, which names %%%c twice", l.text, d)
				}
				has[d] = true
				l.steps = append(l.steps, d)
			default:
				return fmt.Errorf("got %q, where %%%c is none of %%Y %%y %%m %%d %%j %%H %%I %%p %%M %%S %%b %%a %%z %%Z %%f %%F %%T %%D %%R", l.text, d)
			}
		}
	}
	switch {
	case len(has) == 0:
		return fmt.Errorf("got %q, want one of %s, or directives such as %%Y-%%m-%%d %%H:%%M:%%S", l.text, layoutNames)
	case has['I'] != has['p']:
		return fmt.Errorf("got %q, want %%I and %%p together", l.text)
	case !has['j'] && !(has['d'] && (has['m'] || has['b'])), has['j'] && !has['Y'] && !has['y'], !has['H'] && !has['I']:
		return fmt.Errorf("got %q, want at least the day, the month and the hour", l.text)
	}
	return nil
}

// String returns the name or the text that the layout was made of.
func (l *Layout) String() string { return l.text }

// Read reads a time from the beginning of b. A zone that the text lacks is that of z, and a missing year the one that puts
// the time nearest to received, see Zone.Near. r.Len is how much of b the time takes, r.HasZone whether it told its zone.
func (l *Layout) Read(b []byte, z *Zone, received int64) (at int64, r Reading, ok bool) {
	switch {
	case l.epoch:
		return l.number(b)
	case l.named != nil:
		r, ok = l.named(b)
	default:
		r, ok = l.follow(b)
	}
	switch {
	case !ok:
		return 0, r, false
	case r.Year == 0:
		return z.Near(&r, received), r, true
	}
	return z.Instant(&r), r, true
}

// number reads a number since 1970 that stands at the beginning of b.
func (l *Layout) number(b []byte) (at int64, r Reading, ok bool) {
	n := 0
	if n < len(b) && b[n] == '-' {
		n++
	}
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	whole := n
	if n+1 < len(b) && b[n] == '.' && isDigit(b[n+1]) {
		for n++; n < len(b) && isDigit(b[n]); n++ {
		}
	}
	r.Len, r.HasZone = n, true
	if l.unit == 0 {
		at, ok = Epoch(b[:n])
		return at, r, ok
	}
	at, ok = scaled(b[:whole], l.unit)
	if scale := l.unit; ok && whole < n {
		part := int64(0)
		for _, c := range b[whole+1 : n] {
			scale /= 10
			part += int64(c-'0') * scale
		}
		if b[0] == '-' {
			part = -part
		}
		at += part
	}
	return at, r, ok
}

// scaled reads a whole number of units.
func scaled(b []byte, unit int64) (n int64, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	for _, c := range b {
		if n > (1<<62)/unit/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if n > (1<<62)/unit {
		return 0, false
	}
	if n *= unit; negative {
		n = -n
	}
	return n, len(b) > 0
}

// A clock12 is what a reading needs beside its own fields while it is read.
type clock12 struct {
	yearDay      int
	twelve, isPM bool
}

// follow reads by the directives.
func (l *Layout) follow(b []byte) (r Reading, ok bool) {
	var extra clock12
	at := 0
	r.Day, r.Month = 1, 1
	for i := 0; i < len(l.steps); i++ {
		switch step := l.steps[i]; step {
		case 0:
			i++
			if at >= len(b) || b[at] != l.steps[i] {
				return r, false
			}
			at++
		case ' ':
			n := blanks(b[at:])
			if n == 0 {
				return r, false
			}
			at += n
		default:
			n := r.directive(step, b[at:], &extra)
			if n == 0 {
				return r, false
			}
			at += n
		}
	}
	r.Len = at
	if extra.twelve {
		if r.Hour < 1 || r.Hour > 12 {
			return r, false
		}
		r.Hour %= 12
		if extra.isPM {
			r.Hour += 12
		}
	}
	if extra.yearDay > 0 && !r.ofYear(extra.yearDay) {
		return r, false
	}
	return r, r.Valid()
}

func blanks(b []byte) (n int) {
	for n < len(b) && (b[n] == ' ' || b[n] == '\t') {
		n++
	}
	return n
}

// directive reads one part of a time and returns its length, 0 when it is not there.
func (r *Reading) directive(step byte, b []byte, extra *clock12) (n int) {
	switch step {
	case 'Y':
		if n = number(b, 4, &r.Year); n != 4 || r.Year == 0 {
			return 0
		}
	case 'y':
		if n = number(b, 2, &r.Year); n != 2 {
			return 0
		}
		if r.Year += 1900; r.Year < 1970 {
			r.Year += 100
		}
	case 'm':
		n = number(b, 2, &r.Month)
	case 'd':
		pad := min(blanks(b), 1)
		if n = number(b[pad:], 2, &r.Day); n > 0 {
			n += pad
		}
	case 'j':
		if n = number(b, 3, &extra.yearDay); extra.yearDay == 0 {
			return 0
		}
	case 'H':
		n = number(b, 2, &r.Hour)
	case 'I':
		extra.twelve = true
		n = number(b, 2, &r.Hour)
	case 'M':
		n = number(b, 2, &r.Minute)
	case 'S':
		n = number(b, 2, &r.Second)
	case 'p':
		if len(b) < 2 || b[1]|0x20 != 'm' || b[0]|0x20 != 'a' && b[0]|0x20 != 'p' {
			return 0
		}
		extra.isPM, n = b[0]|0x20 == 'p', 2
	case 'b':
		if n = letters(b); n >= 3 {
			r.Month = Month(b[:3])
		}
		if n < 3 || r.Month == 0 {
			return 0
		}
	case 'a':
		n = letters(b)
	case 'z':
		n = r.zone(b)
	case 'Z':
		n = letters(b)
		if word := string(b[:n]); word == "UTC" || word == "GMT" || word == "Z" {
			r.HasZone, r.Offset = true, 0
		}
	case 'f':
		n = r.decimals(b)
	}
	return n
}

// letters returns how many ASCII letters b begins with.
func letters(b []byte) (n int) {
	for n < len(b) && b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' {
		n++
	}
	return n
}

// decimals reads the digits of a fraction of a second.
func (r *Reading) decimals(b []byte) (n int) {
	for scale := 100_000_000; n < len(b) && isDigit(b[n]); n++ {
		r.Nanos += int(b[n]-'0') * scale
		scale /= 10
	}
	return n
}

// ofYear sets month and day from the day of the year.
func (r *Reading) ofYear(day int) bool {
	for month := 1; month <= 12; month++ {
		n := daysIn(r.Year, month)
		if day <= n {
			r.Month, r.Day = month, day
			return true
		}
		day -= n
	}
	return false
}
