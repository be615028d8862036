package aggregate

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// seed makes the hashes of this process its own, so that nobody can send values that collide.
var seed = maphash.MakeSeed()

// scramble mixes the bits of a number so that each depends on all (the finaliser of MurmurHash3). It is one to one.
func scramble(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// salt and pepper are secret numbers of this process.
var (
	salt   = maphash.Bytes(seed, nil) | 1
	pepper = maphash.Comparable(seed, salt)
)

func hashNumber(v int64) uint64 { return scramble(uint64(v) ^ salt) }

// hashAddress mixes both halves, each with a secret: who makes one of the factors 0 takes the other out of the product. Of v4-mapped
// addresses only 32 bits differ.
func hashAddress(a *[16]byte) uint64 {
	high, low := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
	h, l := bits.Mul64(high^salt, low^pepper)
	return scramble(h ^ l ^ low ^ bits.RotateLeft64(high, 29))
}

// told is set in hashes whose upper half no two values share, so that who compares it need not look at the values.
const told = 1 << 31

// placeAddress is hashAddress for tables: hashes of IPv4 addresses tell them (told). The bits of those are mixed one to one (the
// function "lowbias32" of Wellons, 2018).
func placeAddress(a *[16]byte) uint64 {
	if binary.BigEndian.Uint64(a[:8]) != 0 || binary.BigEndian.Uint32(a[8:]) != 0xffff {
		return hashAddress(a) &^ told
	}
	x := binary.BigEndian.Uint32(a[12:]) ^ uint32(salt>>8)
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	x ^= x >> 16
	return uint64(x)<<32 | told | uint64(x)
}

func hashText(v []byte) uint64 { return maphash.Bytes(seed, v) }
