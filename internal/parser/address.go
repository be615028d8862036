package parser

import "bytes"

// Address reads an IPv4 or IPv6 address that takes up all of b, without allocating. IPv4 is returned in its v4-mapped
// form; a zone behind a percent sign is left out, and so are square brackets around IPv6.
func Address(b []byte) (addr [16]byte, ok bool) {
	if len(b) < 2 || len(b) > 80 {
		return addr, false
	}
	if b[0] == '[' && b[len(b)-1] == ']' {
		b = b[1 : len(b)-1]
	}
	if bytes.IndexByte(b, ':') < 0 {
		addr[10], addr[11] = 0xff, 0xff
		return addr, quad(b, addr[12:])
	}
	if zone := bytes.IndexByte(b, '%'); zone >= 0 {
		if zone == len(b)-1 {
			return addr, false
		}
		b = b[:zone]
	}
	return sextet(b)
}

// quad reads four decimal bytes; as elsewhere, a leading zero is refused, since some read it as octal.
func quad(b, dst []byte) bool {
	part, val, digits := 0, 0, 0
	for _, c := range b {
		switch {
		case c-'0' <= 9:
			if digits > 0 && val == 0 {
				return false
			}
			val = val*10 + int(c-'0')
			digits++
			if val > 255 {
				return false
			}
		case c == '.' && digits > 0 && part < 3:
			dst[part] = byte(val)
			part, val, digits = part+1, 0, 0
		default:
			return false
		}
	}
	if part != 3 || digits == 0 {
		return false
	}
	dst[3] = byte(val)
	return true
}

// sextet reads the text forms of RFC 4291 section 2.2.
func sextet(b []byte) (addr [16]byte, ok bool) {
	at, gap := 0, -1
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap = 0
		b = b[2:]
	}
	for at < 16 && len(b) > 0 {
		val, n := 0, 0
		for n < len(b) && n < 5 {
			d, isHex := hexDigit(b[n])
			if !isHex {
				break
			}
			val = val<<4 | d
			n++
		}
		if n == 0 || n > 4 {
			return addr, false
		}
		if n < len(b) && b[n] == '.' { // the last 32 bits in decimal
			if at > 12 || gap < 0 && at != 12 || !quad(b, addr[at:at+4]) {
				return addr, false
			}
			at += 4
			b = nil
			break
		}
		addr[at], addr[at+1] = byte(val>>8), byte(val)
		at += 2
		b = b[n:]
		if len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return addr, false
		}
		b = b[1:]
		if b[0] == ':' {
			if gap >= 0 {
				return addr, false
			}
			gap = at
			b = b[1:]
		}
	}
	if len(b) > 0 || gap < 0 && at < 16 || gap >= 0 && at == 16 {
		return addr, false
	}
	if gap >= 0 {
		tail := at - gap
		copy(addr[16-tail:], addr[gap:at])
		clear(addr[gap : 16-tail])
	}
	return addr, true
}

func hexDigit(c byte) (int, bool) {
	switch {
	case c-'0' <= 9:
		return int(c - '0'), true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10, true
	}
	return 0, false
}
