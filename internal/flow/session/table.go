package session

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"tocsin/internal/flow"
)

// A key is two ends that talk. The lower end stands first, so that both directions have the same one.
type key struct {
	low, high         [16]byte
	lowPort, highPort uint16
	protocol          uint8
}

// keyOf returns the key of a record, and whether its source is the lower end.
func keyOf(r *flow.Record) (k key, forward bool) {
	source, destination := r.SourcePort, r.DestinationPort
	if r.Has&flow.HasPorts == 0 {
		source, destination = 0, 0
	}
	order := bytes.Compare(r.Source[:], r.Destination[:])
	if order < 0 || order == 0 && source <= destination {
		return key{r.Source, r.Destination, source, destination, r.Protocol}, true
	}
	return key{r.Destination, r.Source, destination, source, r.Protocol}, false
}

func (k *key) words() [5]uint64 {
	be := binary.BigEndian
	return [5]uint64{
		be.Uint64(k.low[:]), be.Uint64(k.low[8:]), be.Uint64(k.high[:]), be.Uint64(k.high[8:]),
		uint64(k.lowPort)<<32 | uint64(k.highPort)<<16 | uint64(k.protocol),
	}
}

// A span is one session of a key.
type span struct {
	id          uint64 // 0: there is none
	first, last int64
	tellers     [2]uint32 // of what the lower end sends, and of what the higher one does; 0: nobody yet
}

// What is known of the session at hand.
const (
	lowOpened uint8 = 1 << iota // the lower end is the client
	shown                       // by a SYN or as clearly; else it was guessed
	ended                       // a FIN or RST was seen
	clean                       // it began with a SYN
)

// An entry is a key with its session at hand and the one before, for records that come late. It is two lines of the cache.
type entry struct {
	key
	state        uint8
	touched      uint32    // second of receipt of its last record, of those it was moved for
	newer, older uint32    // neighbours by silence; of a free one, newer is another free one
	told         [2]uint32 // until when the tellers of the session at hand have told, in seconds since 1970
	now, before  span
}

func (e *entry) is(what uint8) bool { return e.state&what != 0 }

// client notes which end opened the session.
func (e *entry) client(low bool) {
	e.state &^= lowOpened
	if low {
		e.state |= lowOpened
	}
}

// none is the index of no entry.
const none = 1<<32 - 1

// A table finds entries by key and keeps them in the order of their silence. Open addressing with linear probing (Knuth, The
// Art of Computer Programming, section 6.4, algorithms L and R): a place holds the lower half of the hash and, below it, 1 + the
// index of an entry; 0 is free. The seed is random, so that nobody outside can make keys that share a place.
type table struct {
	seed           maphash.Seed
	places         []uint64
	entries        []entry
	free           uint32 // first free entry
	newest, oldest uint32
	used           int
}

func newTable() table {
	return table{seed: maphash.MakeSeed(), places: make([]uint64, 1<<10), free: none, newest: none, oldest: none}
}

const lowHalf = 1<<32 - 1

func (t *table) hash(k *key) uint64 { return maphash.Comparable(t.seed, *k) & lowHalf }

// at returns an entry.
func (t *table) at(index uint32) *entry { return &t.entries[index] }

// find returns the entry of a key. A fresh one has its key alone, and must be pushed before the table is asked again.
func (t *table) find(k *key) (index uint32, fresh bool) {
	if 4*t.used >= 3*len(t.places) {
		t.grow()
	}
	hash, mask := t.hash(k), uint64(len(t.places)-1)
	at := hash & mask
	for ; t.places[at] != 0; at = (at + 1) & mask {
		if p := t.places[at]; p>>32 == hash {
			if index := uint32(p) - 1; t.at(index).key == *k { //nolint:gosec // the lower half
				return index, false
			}
		}
	}
	index = t.free
	if index == none {
		index = uint32(len(t.entries)) //nolint:gosec // bounded by Options.Max
		t.entries = append(t.entries, entry{})
	} else {
		t.free = t.at(index).newer
	}
	t.places[at] = hash<<32 | uint64(index+1)
	t.used++
	*t.at(index) = entry{key: *k}
	return index, true
}

// grow doubles the places.
func (t *table) grow() {
	old := t.places
	t.places = make([]uint64, 2*len(old))
	mask := uint64(len(t.places) - 1)
	for _, p := range old {
		if p == 0 {
			continue
		}
		at := p >> 32 & mask
		for t.places[at] != 0 {
			at = (at + 1) & mask
		}
		t.places[at] = p
	}
}

// push makes an entry the one heard last.
func (t *table) push(index uint32, second int64) {
	e := t.at(index)
	e.touched = uint32(second) //nolint:gosec // until 2106
	e.newer, e.older = none, t.newest
	if t.newest != none {
		t.at(t.newest).newer = index
	} else {
		t.oldest = index
	}
	t.newest = index
}

// take takes an entry out of the order.
func (t *table) take(e *entry) {
	if e.newer != none {
		t.at(e.newer).older = e.older
	} else {
		t.newest = e.older
	}
	if e.older != none {
		t.at(e.older).newer = e.newer
	} else {
		t.oldest = e.newer
	}
}

// touch makes an entry the one heard last again.
func (t *table) touch(index uint32, second int64) {
	e := t.at(index)
	if index == t.newest {
		e.touched = uint32(second) //nolint:gosec // until 2106
		return
	}
	t.take(e)
	t.push(index, second)
}

// drop forgets an entry.
func (t *table) drop(index uint32) {
	e := t.at(index)
	t.take(e)
	mask := uint64(len(t.places) - 1)
	at := t.hash(&e.key) & mask
	for t.places[at]&lowHalf != uint64(index+1) {
		at = (at + 1) & mask
	}
	for next := (at + 1) & mask; t.places[next] != 0; next = (next + 1) & mask {
		if home := t.places[next] >> 32 & mask; (next-home)&mask >= (next-at)&mask { // it may stand at the gap
			t.places[at] = t.places[next]
			at = next
		}
	}
	t.places[at] = 0
	e.newer, t.free = t.free, index
	t.used--
}
