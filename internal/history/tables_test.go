package history

import (
	"encoding/binary"
	"testing"
)

// Nobody can choose addresses that all belong to one place: those whose one half takes a factor of the hash away differ as others do.
func TestAddressesThatAreChosenSpread(t *testing.T) {
	const addresses = 4096
	for name, half := range map[string]int{"first": 0, "second": 8} {
		table, seen := newIPTable(), map[uint64]bool{}
		for i := range addresses {
			var a [16]byte
			binary.LittleEndian.PutUint64(a[half:], [...]uint64{0x9e3779b97f4a7c15, 0xe7037ed1a0b428db}[half/8])
			binary.LittleEndian.PutUint64(a[8-half:], uint64(i+1)*0x10001)
			seen[table.hash(&a)] = true
		}
		if len(seen) < addresses/2 {
			t.Errorf("%d addresses that share the %s half have %d hashes", addresses, name, len(seen))
		}
	}
}
