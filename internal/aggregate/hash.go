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

// salt is a secret number of this process.
var salt = maphash.Bytes(seed, nil) | 1

func hashNumber(v int64) uint64 { return scramble(uint64(v) ^ salt) }

// hashAddress mixes both halves; of v4-mapped addresses only 32 bits differ.
func hashAddress(a *[16]byte) uint64 {
	high, low := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
	h, l := bits.Mul64(high^salt, low^0x9e3779b97f4a7c15)
	return scramble(h ^ l ^ low ^ bits.RotateLeft64(high, 29))
}

func hashText(v []byte) uint64 { return maphash.Bytes(seed, v) }
