package flowtraq

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// mostUnits bounds a number of a length of time, so that no sum of them leaves what can be told.
const mostUnits = 1_000_000

// before reads a length of time as FlowTraq spells it, and returns the instant so long before now: numbers with units, of
// which each may be left out, years Y, months M, weeks w, days d, hours h, minutes m and seconds s; a minus before it says
// the same. Years and months are those of the calendar.
func before(spec string, now time.Time) (time.Time, error) {
	bad := fmt.Errorf("%q: want a length of time such as 3m, 1h or 1d12h (units Y M w d h m s)", spec)
	rest := strings.TrimPrefix(spec, "-")
	if rest == "" {
		return time.Time{}, bad
	}
	at := now
	for rest != "" {
		digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if digits < 1 {
			return time.Time{}, bad
		}
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || n > mostUnits {
			return time.Time{}, bad
		}
		switch rest[digits] {
		case 'Y':
			at = at.AddDate(-n, 0, 0)
		case 'M':
			at = at.AddDate(0, -n, 0)
		case 'w':
			at = at.AddDate(0, 0, -7*n)
		case 'd':
			at = at.AddDate(0, 0, -n)
		case 'h':
			at = at.Add(-time.Duration(n) * time.Hour)
		case 'm':
			at = at.Add(-time.Duration(n) * time.Minute)
		case 's':
			at = at.Add(-time.Duration(n) * time.Second)
		default:
			return time.Time{}, bad
		}
		rest = rest[digits+1:]
	}
	if at.Year() < 1678 { // the first whole year of times in nanoseconds
		return time.Time{}, fmt.Errorf("%q: want fewer years", spec)
	}
	return at, nil
}

// firstLine reads a line without its end, which must hold something.
func firstLine(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("its first line is empty, want the password")
	}
	return line, nil
}
