package history

import (
	"encoding/binary"
	"math/bits"

	"tocsin/internal/event"
)

// A word filter says of a grain of rows which runs of four bytes their texts can hold: a text that contains a word
// contains each run of four bytes of the word, so a grain that lacks one of them holds no such text. It needs no notion
// of what a word is, and is never wrong in saying no.
//
// It is a set of bits, one for each hash, a power of two long: as short as leaves most bits clear.
const (
	gramBytes    = 4
	gramBits     = 18 // bits of the largest filter, as a power of two
	minGramBytes = 64 // of the smallest filter
)

func gramHash(x uint32) uint32 { return (x * 0x9e3779b1) ^ (x*0x85ebca77)>>15 }

// appendGrams appends the word filter of rows from up to to of a plain text column. set is room for the largest filter.
func appendGrams(dst []byte, set []uint64, c *event.Column, from, to int) []byte {
	clear(set)
	const mask = 1<<gramBits - 1
	for row := from; row < to; row++ {
		s := c.Strs.At(row)
		for len(s) >= gramBytes {
			h := gramHash(binary.LittleEndian.Uint32(s)) & mask
			set[h>>6] |= 1 << (h & 63)
			s = s[1:]
		}
	}
	words := set[:(1<<gramBits)/64]
	for len(words)*8 > minGramBytes {
		half := len(words) / 2
		n := 0
		for i := range half {
			n += bits.OnesCount64(words[i] | words[i+half])
		}
		if n*10 > half*64*3 { // more than 30 % would be set
			break
		}
		for i := range half {
			words[i] |= words[i+half]
		}
		words = words[:half]
	}
	for _, w := range words {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

// mayContain reports whether some text of the grain can contain the word.
func mayContain(filter, word []byte) bool {
	if len(filter) < minGramBytes || len(filter)&(len(filter)-1) != 0 {
		return true
	}
	mask := uint32(len(filter)*8 - 1)
	for ; len(word) >= gramBytes; word = word[1:] {
		h := gramHash(binary.LittleEndian.Uint32(word)) & mask
		if filter[h>>3]>>(h&7)&1 == 0 {
			return false
		}
	}
	return true
}
