package netflow

import "encoding/binary"

// Certain reports whether a datagram that came in at received (nanoseconds since 1970 UTC) can hardly be anything else than one
// of these protocols: its time is of about then, and its lengths go round. It is for datagrams that nobody says are exports: two
// bytes of a version are soon found in others, as in one of 13,000 questions of DNS.
func Certain(b []byte, received int64) bool {
	if !Knows(b) || len(b) < 16 {
		return false
	}
	version, at := binary.BigEndian.Uint16(b), 8
	if version == 10 {
		at = 4
	}
	const near = 400 * 24 * 3600
	if apart := int64(binary.BigEndian.Uint32(b[at:])) - received/1e9; apart > near || apart < -near {
		return false
	}
	switch version {
	case 9:
		return len(b) > 20 && goRound(b[20:], 2)
	case 10:
		return int(binary.BigEndian.Uint16(b[2:])) == len(b) && goRound(b[16:], 4)
	}
	l, _ := layoutOf(version)
	count := int(binary.BigEndian.Uint16(b[2:]))
	return count > 0 && len(b) == l.header+count*l.record
}

// goRound reports whether sets follow one another up to the end, or padding; of the ids that are no data's, those below special are templates.
func goRound(b []byte, special uint16) bool {
	for len(b) >= 4 {
		id, length := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if length < 4 {
			return isPadding(b)
		}
		if length > len(b) || id >= special && id < 256 {
			return false
		}
		b = b[length:]
	}
	return len(b) == 0
}
