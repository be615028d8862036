package combined

import (
	"encoding/binary"

	"tocsin/internal/instant"
)

// clfLength is the length of a time with its offset, 17/May/2015:10:05:03 +0000.
const clfLength = 26

// A clock reads the time of a line. It remembers the last minute it read, day, offset and all: the next line mostly differs
// in its seconds alone, and then only those are read.
type clock struct {
	zone  *instant.Zone   // of times without an offset; nil is UTC
	text  [clfLength]byte // the last time with an offset
	start int64           // instant at which the minute of text begins
	known bool
}

// read reads a time that stands before a closing bracket, at the beginning of b; n is its length, 0 when there is none, and
// offset the part that says the zone, nil when it says none.
func (c *clock) read(b []byte) (at int64, offset []byte, n int) {
	if len(b) > clfLength && b[clfLength] == ']' && c.known && c.sameMinute(b) {
		if tens, ones := b[18]-'0', b[19]-'0'; tens <= 5 && ones <= 9 {
			return c.start + int64(tens*10+ones)*1e9, b[clfLength-5 : clfLength : clfLength], clfLength
		}
	}
	when, ok := instant.CLF(b)
	if !ok || when.Len >= len(b) || b[when.Len] != ']' {
		return 0, nil, 0
	}
	at = c.instant(&when)
	if when.HasZone {
		offset = b[when.Len-5 : when.Len : when.Len]
		c.start, c.known = at-int64(when.Second)*1e9, true
		copy(c.text[:], b)
	}
	return at, offset, when.Len
}

// sameMinute compares all but the two digits of the seconds, bytes 18 and 19.
func (c *clock) sameMinute(b []byte) bool {
	const ofSeconds = 1<<16 - 1 // the first two of eight bytes
	return word8(b) == word8(c.text[:]) && word8(b[8:]) == word8(c.text[8:]) &&
		b[16] == c.text[16] && b[17] == c.text[17] && (word8(b[18:])^word8(c.text[18:]))&^ofSeconds == 0
}

func word8(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func (c *clock) instant(when *instant.Reading) int64 {
	if c.zone == nil {
		return when.UTC()
	}
	return c.zone.Instant(when)
}
