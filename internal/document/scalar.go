package document

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a length of time: numbers with the units w, d, h, m, s, ms, us and ns, largest first, as in "7d" or
// "1h30m"; "0" and "off" are zero. A day has 24 hours.
func ParseDuration(text string) (time.Duration, error) {
	if text == "off" {
		return 0, nil
	}
	rest, total := text, time.Duration(0)
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, behind, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || time.Duration(n) > (math.MaxInt64-total)/unit.length {
			return 0, fmt.Errorf("duration %q: want one as in 30s, 10m, 1h30m or 7d", text)
		}
		rest, total = behind, total+time.Duration(n)*unit.length
	}
	if rest == "" && text != "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || total > 0 && (d < 0 || d > math.MaxInt64-total || rest[0] < '0' || rest[0] > '9') {
		return 0, fmt.Errorf("duration %q: want one as in 30s, 10m, 1h30m or 7d", text)
	}
	return total + d, nil
}

// FormatDuration is the inverse of ParseDuration, as short as it goes: "7d", "1h30m", "0s".
func FormatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 0 {
		return d.String()
	}
	s := ""
	if days := d / day; days > 0 {
		s, d = strconv.FormatInt(int64(days), 10)+"d", d%day
		if d == 0 {
			return s
		}
	}
	rest := d.String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return s + rest
}

// Size is a number of bytes, written as in "64KiB", "4GiB" or "10MB"; "off" is 0.
type Size int64

var sizeUnits = [...]struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// ParseSize reads a size: a number, which may have a fraction, and a unit in any case. Without a unit it is bytes.
func ParseSize(text string) (Size, error) {
	if text == "off" {
		return 0, nil
	}
	number, factor := text, int64(1)
	for _, u := range sizeUnits {
		if at := len(text) - len(u.name); at > 0 && strings.EqualFold(text[at:], u.name) {
			number, factor = strings.TrimRight(text[:at], " "), u.bytes
			break
		}
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && n >= 0 && n <= math.MaxInt64/factor {
		return Size(n * factor), nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f >= 0) || f*float64(factor) >= math.MaxInt64 || strings.ContainsAny(number, "xXpP_+eE") {
		return 0, fmt.Errorf("size %q: want one as in 64KiB or 4GiB", text)
	}
	return Size(f * float64(factor)), nil
}

// UnmarshalText is ParseSize.
func (s *Size) UnmarshalText(text []byte) error {
	size, err := ParseSize(string(text))
	if err != nil {
		return &located{got: strconv.Quote(shorten(string(text))), want: "a size with its unit, as in 64KiB or 4GiB"}
	}
	*s = size
	return nil
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size exactly, in the largest unit that does.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if n := int64(s); n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return "0B"
}
