package session

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"tocsin/internal/flow"
)

// A key is two ends that talk: both halves of the lower address and of the higher one, then both ports and the protocol, those
// of the lower end first. So both directions have the same key, and it is compared and hashed as words.
type key [5]uint64

// keyOf returns the key of a record, and whether its source is the lower end.
func keyOf(r *flow.Record) (k key, forward bool) {
	source, destination := uint64(r.SourcePort), uint64(r.DestinationPort)
	if r.Has&flow.HasPorts == 0 {
		source, destination = 0, 0
	}
	be := binary.BigEndian
	fromHigh, fromLow, toHigh, toLow := be.Uint64(r.Source[:]), be.Uint64(r.Source[8:]), be.Uint64(r.Destination[:]), be.Uint64(r.Destination[8:])
	switch {
	case fromHigh != toHigh:
		forward = fromHigh < toHigh
	case fromLow != toLow:
		forward = fromLow < toLow
	default:
		forward = source <= destination
	}
	if forward {
		return key{fromHigh, fromLow, toHigh, toLow, source<<32 | destination<<16 | uint64(r.Protocol)}, true
	}
	return key{toHigh, toLow, fromHigh, fromLow, destination<<32 | source<<16 | uint64(r.Protocol)}, false
}

// A secret is what the hash of keys is mixed with, so that nobody outside can make keys that share a place.
type secret [6]uint64

func newSecret() (s secret) {
	seed := maphash.MakeSeed()
	for i := range s {
		s[i] = maphash.Comparable(seed, i)
	}
	return s
}

// hash folds products of two words each, as wyhash does (Wang Yi, https://github.com/wangyi-fudan/wyhash).
func (s *secret) hash(k *key) uint32 {
	return uint32(fold(fold(k[0]^s[0], k[1]^s[1])^fold(k[2]^s[2], k[3]^s[3])^s[5], k[4]^s[4])) //nolint:gosec // the lower half
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
