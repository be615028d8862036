package filter

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"tocsin/internal/event"
)

// maxDirectNets is how many networks and addresses are compared one by one; with more a look-up pays.
const maxDirectNets = 4

// A network is a range of addresses as two big-endian halves; bits counts from the top of the 128. IPv4 networks lie in
// the v4-mapped range and have 96 bits or more; those with fewer are IPv6 and match no mapped address.
type network struct {
	high, low uint64
	bits      uint8
}

func halves(a *[16]byte) (high, low uint64) {
	return binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
}

// netMask returns the halves of a mask with so many bits set at the top.
func netMask(n uint8) (high, low uint64) {
	if n < 64 {
		return ^(^uint64(0) >> n), 0
	}
	return ^uint64(0), ^(^uint64(0) >> (n - 64))
}

func isMapped(high, low uint64) bool { return high == 0 && low>>32 == 0xffff }

// networkOf turns a prefix into a network.
func networkOf(p netip.Prefix) network {
	a, n := p.Addr().As16(), p.Bits()
	if p.Addr().Is4() {
		n += 96
	}
	net := network{bits: uint8(n)}
	net.high, net.low = halves(&a)
	return net.cut(net.bits)
}

// cut returns the network of fewer bits that holds this one.
func (n network) cut(to uint8) network {
	high, low := netMask(to)
	return network{high: n.high & high, low: n.low & low, bits: to}
}

// addressTests are all tests of one IP field.
type addressTests struct {
	id     event.FieldID
	has    int32 // slot of has, -1 for none
	direct []directNet
	table  *netTable // nil when the networks are among direct
	listed []listedTest
}

type directNet struct {
	network
	maskHigh, maskLow uint64
	slot              int32
}

func newAddressTests(g *operandTests) *addressTests {
	a := &addressTests{id: g.operand.field.ID, has: -1}
	own := map[network][]int32{}
	count := 0
	for i, t := range g.tests {
		if t.op == opHas {
			a.has = g.slots[i]
			continue
		}
		if t.op == opListed {
			a.listed = append(a.listed, listedTest{on: t.on, slot: g.slots[i]})
			continue
		}
		for _, c := range t.consts {
			net := network{bits: 128}
			if t.op == opWithin {
				net = networkOf(c.prefix)
			} else {
				net.high, net.low = halves(&c.addr)
			}
			own[net] = append(own[net], g.slots[i])
			count++
		}
	}
	if count > maxDirectNets {
		a.table = newNetTable(own)
		return a
	}
	for net, slots := range own {
		for _, s := range slots {
			d := directNet{network: net, slot: s}
			d.maskHigh, d.maskLow = netMask(net.bits)
			a.direct = append(a.direct, d)
		}
	}
	return a
}

// evaluate finds the rows of all slots of the group.
func (a *addressTests) evaluate(c *chunk) {
	col := c.batch.Column(a.id)
	if !c.presence(col) {
		return
	}
	if a.has >= 0 {
		c.add(a.has, &c.present)
	}
	for i := range a.direct {
		a.direct[i].evaluate(c, col)
	}
	if a.table != nil {
		a.table.evaluate(c, col)
	}
	for i := range a.listed {
		a.listed[i].evaluate(c, col)
	}
}

func (d *directNet) evaluate(c *chunk, col *event.Column) {
	var rows mask
	v6 := d.bits < 96
	for w := range c.words {
		var m uint64
		for i := range min(64, c.rows-w*64) {
			v := c.from + w*64 + i
			if col.Codes != nil {
				v = int(col.Codes[v])
			}
			high, low := halves(&col.IPs[v])
			differ := (high^d.high)&d.maskHigh | (low^d.low)&d.maskLow
			_, same := bits.Sub64(differ, 1, 0)
			if v6 && isMapped(high, low) {
				same = 0
			}
			m |= same << (uint(i) & 63)
		}
		rows[w] = m & c.present[w]
	}
	c.add(d.slot, &rows)
}

// A netTable finds all networks that hold an address by asking for the narrowest one: its entry lists also the slots of
// the wider ones around it.
type netTable struct {
	nets  []network
	at    []uint32 // 1 + place in lists, 0 for a free place
	lists [][]int32
	shift uint
	bits4 []uint8 // lengths in use for mapped addresses, longest first
	bits6 []uint8
}

func newNetTable(own map[network][]int32) *netTable {
	log := max(4, bits.Len(uint(len(own)*4-1)))
	t := &netTable{nets: make([]network, 1<<log), at: make([]uint32, 1<<log), shift: uint(64 - log)}
	for net := range own {
		if net.mapped() {
			t.bits4 = append(t.bits4, net.bits)
		} else {
			t.bits6 = append(t.bits6, net.bits)
		}
	}
	for _, list := range []*[]uint8{&t.bits4, &t.bits6} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
		slices.Reverse(*list)
	}
	for net, slots := range own {
		all := slices.Clone(slots)
		lengths := t.bits6
		if net.mapped() {
			lengths = t.bits4
		}
		for _, n := range lengths {
			if n < net.bits {
				all = append(all, own[net.cut(n)]...)
			}
		}
		slices.Sort(all)
		t.insert(net, slices.Compact(all))
	}
	return t
}

// mapped reports whether the network holds IPv4 addresses.
func (n network) mapped() bool { return n.bits >= 96 && isMapped(n.high, n.low) }

func (n network) hash() uint64 {
	return spread(n.high*0xff51afd7ed558ccd ^ spread(n.low) ^ uint64(n.bits))
}

func (t *netTable) insert(net network, slots []int32) {
	i := net.hash() >> t.shift
	for t.at[i] != 0 {
		i = (i + 1) & uint64(len(t.at)-1)
	}
	t.lists = append(t.lists, slots)
	t.nets[i], t.at[i] = net, uint32(len(t.lists))
}

// find returns the slots of all networks that hold an address.
func (t *netTable) find(high, low uint64) []int32 {
	lengths := t.bits6
	if isMapped(high, low) {
		lengths = t.bits4
	}
	address := network{high: high, low: low, bits: 128}
	for _, n := range lengths {
		net := address.cut(n)
		for i := net.hash() >> t.shift; t.at[i] != 0; i = (i + 1) & uint64(len(t.at)-1) {
			if t.nets[i] == net {
				return t.lists[t.at[i]-1]
			}
		}
	}
	return nil
}

func (t *netTable) evaluate(c *chunk, col *event.Column) {
	for w := range c.words {
		for word := c.present[w]; word != 0; word &= word - 1 {
			row := w*64 + bits.TrailingZeros64(word)
			v := c.from + row
			if col.Codes != nil {
				v = int(col.Codes[v])
			}
			high, low := halves(&col.IPs[v])
			if slots := t.find(high, low); len(slots) > 0 {
				c.slots.mark(slots, row)
			}
		}
	}
	c.slots.settle()
}
