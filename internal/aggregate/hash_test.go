package aggregate

import (
	"encoding/binary"
	"math/bits"
	"testing"
)

// Nobody can choose addresses that all belong to one place, also who knows how they are hashed but for what is secret: here those that
// would, were one half not mixed with a secret.
func TestAddressesThatAreChosenSpread(t *testing.T) {
	const addresses, places = 4096, 1 << 12
	unscrambled := func(x uint64) uint64 { // one that scramble makes x of
		for _, factor := range [...]uint64{0xc4ceb9fe1a85ec53, 0xff51afd7ed558ccd} {
			inverse := factor
			for range 5 { // each step doubles the bits that are right
				inverse *= 2 - factor*inverse
			}
			x ^= x >> 33
			x *= inverse
		}
		return x ^ x>>33
	}
	if got := scramble(unscrambled(12345)); got != 12345 {
		t.Fatalf("scramble is undone wrongly: %d", got)
	}
	const low = 0x9e3779b97f4a7c15
	seen := map[uint64]bool{}
	for i := range addresses {
		var a [16]byte
		binary.BigEndian.PutUint64(a[:], bits.RotateLeft64(unscrambled(uint64(i)<<32)^low, -29))
		binary.BigEndian.PutUint64(a[8:], low)
		seen[hashAddress(&a)%places] = true
	}
	if len(seen) < places/4 {
		t.Errorf("%d addresses have %d of %d places", addresses, len(seen), places)
	}
}
