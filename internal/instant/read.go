package instant

// CLF reads a time as web servers write it, 17/May/2015:10:05:03 +0000 (Apache mod_log_config, %t), from the beginning of
// b. The zone may be missing.
func CLF(b []byte) (r Reading, ok bool) {
	if len(b) < 20 || b[2] != '/' || b[6] != '/' || b[11] != ':' || b[14] != ':' || b[17] != ':' {
		return r, false
	}
	r.Month = Month(b[3:6])
	ok = digits(b[0:2], &r.Day) && digits(b[7:11], &r.Year) && digits(b[12:14], &r.Hour) &&
		digits(b[15:17], &r.Minute) && digits(b[18:20], &r.Second)
	r.Len = 20
	if ok && len(b) >= 26 && b[20] == ' ' {
		if n := r.zone(b[21:]); n == 5 {
			r.Len = 26
		}
	}
	return r, ok && r.Valid()
}

// RFC3339 reads 2006-01-02T15:04:05.999999999Z and its relatives from the beginning of b: a blank for the T, a comma for
// the point, seconds left out, offsets as +01:00, +0100 or +01, with one blank before it, " UTC", " GMT" or " Z", or none
// at all.
func RFC3339(b []byte) (r Reading, ok bool) {
	if len(b) < 16 || b[4] != '-' || b[7] != '-' || b[13] != ':' {
		return r, false
	}
	if b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return r, false
	}
	if !digits(b[0:4], &r.Year) || !digits(b[5:7], &r.Month) || !digits(b[8:10], &r.Day) ||
		!digits(b[11:13], &r.Hour) || !digits(b[14:16], &r.Minute) {
		return r, false
	}
	at := 16
	if len(b) >= 19 && b[16] == ':' && digits(b[17:19], &r.Second) {
		at = 19 + r.fraction(b[19:])
	}
	rest := b[at:]
	if len(rest) >= 2 && rest[0] == ' ' && (rest[1] == '+' || rest[1] == '-') {
		if n := r.zone(rest[1:]); n > 0 {
			at += 1 + n
		}
	} else if len(rest) >= 2 && rest[0] == ' ' && rest[1] == 'Z' && (len(rest) == 2 || rest[2] == ' ') {
		r.HasZone = true
		at += 2
	} else if len(rest) >= 4 && rest[0] == ' ' && IsUTC(rest[1:4]) && (len(rest) == 4 || rest[4] == ' ') {
		r.HasZone = true
		at += 4
	} else {
		at += r.zone(rest)
	}
	r.Len = at
	return r, r.Valid() && r.Year > 0
}

// BSD reads a time as RFC 3164 section 4.1.2 has it, Jan  2 15:04:05, from the beginning of b, with what devices make of
// it: a day of one digit, a year before or behind the clock, a fraction of a second.
func BSD(b []byte) (r Reading, ok bool) {
	if len(b) < 14 || b[3] != ' ' {
		return r, false
	}
	if r.Month = Month(b[:3]); r.Month == 0 {
		return r, false
	}
	at := 4
	if b[at] == ' ' {
		at++
	}
	n := number(b[at:], 2, &r.Day)
	if n == 0 {
		return r, false
	}
	at += n
	if at >= len(b) || b[at] != ' ' {
		return r, false
	}
	at++
	if at+5 < len(b) && b[at+4] == ' ' && digits(b[at:at+4], &r.Year) {
		at += 5
	}
	if at+8 > len(b) || b[at+2] != ':' || b[at+5] != ':' || !digits(b[at:at+2], &r.Hour) ||
		!digits(b[at+3:at+5], &r.Minute) || !digits(b[at+6:at+8], &r.Second) {
		return r, false
	}
	at += 8
	at += r.fraction(b[at:])
	if r.Year == 0 && len(b) >= at+5 && b[at] == ' ' && (len(b) == at+5 || b[at+5] == ' ' || b[at+5] == ':') {
		year := 0
		if digits(b[at+1:at+5], &year) && year >= 1970 && year < 2200 {
			r.Year = year
			at += 5
		}
	}
	r.Len = at
	return r, r.Valid()
}

// IsUTC says that b is one of the two names of a zone that mean the same everywhere, UTC and GMT. All others are in use in
// several places (IST, CST) or leave open whether it is summer, and none is read.
func IsUTC(b []byte) bool { return string(b) == "UTC" || string(b) == "GMT" }

// TAI64N reads an external TAI64N label, @400000004c91b044077a9e94, from the beginning of b, as multilog and s6-log write
// them. They count from 2^62 + 10 without leap seconds, as the library behind them does (tai_now of libtai), so that is
// what this takes off.
func TAI64N(b []byte) (ns int64, ok bool) {
	if len(b) < 25 || b[0] != '@' {
		return 0, false
	}
	var v [2]uint64
	for i, c := range b[1:25] {
		digit := uint64(c - '0')
		if c |= 0x20; !isDigit(b[1+i]) {
			if c < 'a' || c > 'f' {
				return 0, false
			}
			digit = uint64(c-'a') + 10
		}
		part := &v[i/16]
		*part = *part<<4 | digit
	}
	const origin = 1<<62 + 10
	if v[0] < origin || v[0]-origin > uint64((1<<63-1)/second-1) || v[1] >= 1e9 {
		return 0, false
	}
	return int64(v[0]-origin)*second + int64(v[1]), true
}

// Epoch reads a number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by size: numbers below
// 1e11 are seconds (until the year 5138), below 1e14 milliseconds, below 1e17 microseconds. Decimals are exact to the
// nanosecond. The number must take up all of b.
func Epoch(b []byte) (ns int64, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	whole, at := int64(0), 0
	for ; at < len(b) && isDigit(b[at]); at++ {
		digit := int64(b[at] - '0')
		if whole > (1<<63-1-digit)/10 {
			return 0, false
		}
		whole = whole*10 + digit
	}
	if at == 0 {
		return 0, false
	}
	unit := int64(1)
	switch {
	case whole < 1e11:
		unit = 1e9
	case whole < 1e14:
		unit = 1e6
	case whole < 1e17:
		unit = 1e3
	}
	part := int64(0)
	if at < len(b) {
		if b[at] != '.' || at+1 == len(b) {
			return 0, false
		}
		scale := unit
		for at++; at < len(b); at++ {
			if !isDigit(b[at]) {
				return 0, false
			}
			scale /= 10
			part += int64(b[at]-'0') * scale
		}
	}
	if whole > (1<<63-1-part)/unit {
		return 0, false
	}
	ns = whole*unit + part
	if negative {
		ns = -ns
	}
	return ns, true
}

// Month returns the number of an English month of three letters, in any case; 0 for anything else.
func Month(b []byte) int {
	if len(b) != 3 {
		return 0
	}
	switch uint32(b[0]|0x20)<<16 | uint32(b[1]|0x20)<<8 | uint32(b[2]|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n':
		return 1
	case 'f'<<16 | 'e'<<8 | 'b':
		return 2
	case 'm'<<16 | 'a'<<8 | 'r':
		return 3
	case 'a'<<16 | 'p'<<8 | 'r':
		return 4
	case 'm'<<16 | 'a'<<8 | 'y':
		return 5
	case 'j'<<16 | 'u'<<8 | 'n':
		return 6
	case 'j'<<16 | 'u'<<8 | 'l':
		return 7
	case 'a'<<16 | 'u'<<8 | 'g':
		return 8
	case 's'<<16 | 'e'<<8 | 'p':
		return 9
	case 'o'<<16 | 'c'<<8 | 't':
		return 10
	case 'n'<<16 | 'o'<<8 | 'v':
		return 11
	case 'd'<<16 | 'e'<<8 | 'c':
		return 12
	}
	return 0
}

// fraction reads .123 or ,123 and returns its length; digits beyond nanoseconds are dropped.
func (r *Reading) fraction(b []byte) int {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' || !isDigit(b[1]) {
		return 0
	}
	scale, at := 100_000_000, 1
	for ; at < len(b) && isDigit(b[at]); at++ {
		r.Nanos += int(b[at]-'0') * scale
		scale /= 10
	}
	return at
}

// zone reads Z, +hh, +hhmm or +hh:mm and returns its length; 0 when there is none.
func (r *Reading) zone(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	if b[0] == 'Z' || b[0] == 'z' {
		r.HasZone, r.Offset = true, 0
		return 1
	}
	h, m, n := 0, 0, 3
	if b[0] != '+' && b[0] != '-' || len(b) < 3 || !digits(b[1:3], &h) {
		return 0
	}
	switch {
	case len(b) >= 6 && b[3] == ':' && digits(b[4:6], &m):
		n = 6
	case len(b) >= 5 && digits(b[3:5], &m):
		n = 5
	}
	if h > 23 || m > 59 {
		return 0
	}
	r.HasZone, r.Offset = true, h*3600+m*60
	if b[0] == '-' {
		r.Offset = -r.Offset
	}
	return n
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// digits reads all of b as a decimal number. A failure leaves a partial number in n.
func digits(b []byte, n *int) bool {
	v := 0
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
		v = v*10 + int(c-'0')
	}
	*n = v
	return true
}

// number reads up to limit digits and returns how many there were.
func number(b []byte, limit int, n *int) int {
	v, at := 0, 0
	for ; at < limit && at < len(b) && isDigit(b[at]); at++ {
		v = v*10 + int(b[at]-'0')
	}
	*n = v
	return at
}
