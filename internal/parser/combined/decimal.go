package combined

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// decimal reads the digits with which b begins; width is how many there are, n -1 if an int64 cannot hold the number.
func decimal(b []byte) (n int64, width int) {
	if len(b) >= 8 {
		if n, width = upTo7(binary.LittleEndian.Uint64(b)); width < 8 {
			return n, width
		}
	}
	n = 0
	for width = 0; width < len(b) && isDigit(b[width]); width++ {
		d := int64(b[width] - '0')
		if n > (math.MaxInt64-d)/10 {
			n = -1
		}
		if n >= 0 {
			n = n*10 + d
		}
	}
	return n, width
}

// upTo7 reads the digits at the beginning of eight bytes, the first of which is the lowest of w; width is 8 when there is
// nothing else, and n then without meaning. The number of digits varies from line to line, so that a loop over them would
// have the processor guess wrongly on most.
func upTo7(w uint64) (n int64, width int) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	v := w ^ '0'*ones // a digit becomes 0 to 9
	other := (v&^highs + (0x80-10)*ones | v) & highs
	if other == 0 {
		return 0, 8
	}
	width = bits.TrailingZeros64(other) / 8
	if width == 0 {
		return 0, 0
	}
	v <<= uint(64 - 8*width) // the missing digits in front are 0
	// Neighbours are put together: digits to pairs, pairs to fours, fours to eight.
	v = v*10 + v>>8
	v = v & 0x00ff00ff00ff00ff * (100<<16 | 1) >> 16 & 0x0000ffff0000ffff * (10000<<32 | 1) >> 32
	return int64(v), width
}
