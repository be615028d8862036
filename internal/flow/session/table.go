package session

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
	key          key
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
// Art of Computer Programming, section 6.4, algorithms L and R): a place holds the hash and, below it, 1 + the index of an entry;
// 0 is free. Entries stand in blocks, so that none is moved when there are more.
type table struct {
	secret         secret
	places         []uint64
	blocks         []*[blockSize]entry
	made           uint32 // entries that were ever in use
	free           uint32 // first free one among them
	newest, oldest uint32
	used           int
	warmed         uint32 // what warm read, so that it is read
}

const blockSize = 1 << 12

func newTable() table {
	return table{secret: newSecret(), places: make([]uint64, 1<<10), free: none, newest: none, oldest: none}
}

const lowHalf = 1<<32 - 1

// at returns an entry.
func (t *table) at(index uint32) *entry { return &t.blocks[index/blockSize][index%blockSize] }

// find returns the entry of a key. A fresh one has its key alone, and must be pushed before the table is asked again.
func (t *table) find(k *key, hash uint32) (index uint32, fresh bool) {
	if 4*t.used >= 3*len(t.places) {
		t.grow()
	}
	mask := uint64(len(t.places) - 1)
	at := uint64(hash) & mask
	for ; t.places[at] != 0; at = (at + 1) & mask {
		if p := t.places[at]; uint32(p>>32) == hash {
			if index := uint32(p&lowHalf) - 1; t.at(index).key == *k {
				return index, false
			}
		}
	}
	if index = t.free; index != none {
		t.free = t.at(index).newer
	} else {
		if t.made%blockSize == 0 {
			t.blocks = append(t.blocks, new([blockSize]entry))
		}
		index = t.made
		t.made++
	}
	t.places[at] = uint64(hash)<<32 | uint64(index+1)
	t.used++
	*t.at(index) = entry{key: *k}
	return index, true
}

// A probe is one of several keys that are looked for together.
type probe struct {
	key     key
	hash    uint32
	index   uint32 // where it probably stands; none: nowhere
	forward bool
}

// warm reads what find, touch and drop are going to need, so that the memory is waited for once and not for one key after the
// other: where a million sessions are known, nothing of a key is in the cache. What it finds is not relied on. most is how many
// entries there may be: for each key beyond, the one silent longest is going to be dropped.
func (t *table) warm(probes []probe, most int) {
	mask, sum := uint64(len(t.places)-1), uint32(0)
	for i := range probes {
		sum += uint32(t.places[uint64(probes[i].hash)&mask]) //nolint:gosec // any bits
	}
	for i := range probes {
		p := &probes[i]
		p.index = none
		for at := uint64(p.hash) & mask; t.places[at] != 0; at = (at + 1) & mask {
			if place := t.places[at]; uint32(place>>32) == p.hash {
				p.index = uint32(place&lowHalf) - 1
				e := t.at(p.index)
				sum += e.touched + e.before.tellers[1]
				break
			}
		}
	}
	fresh := 0
	for i := range probes {
		if p := &probes[i]; p.index == none {
			fresh++
		} else {
			e := t.at(p.index)
			if e.newer != none {
				sum += t.at(e.newer).touched
			}
			if e.older != none {
				sum += t.at(e.older).touched
			}
		}
	}
	old := t.oldest
	for drops := t.used + fresh - most; drops > 0 && old != none; drops-- {
		e := t.at(old)
		sum += uint32(t.places[uint64(t.secret.hash(&e.key))&mask]) //nolint:gosec // any bits
		old = e.newer
	}
	t.warmed = sum
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
	at := uint64(t.secret.hash(&e.key)) & mask
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
