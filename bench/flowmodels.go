package main

import "encoding/binary"

// exportedAt is when all datagrams say that they were sent, in seconds since 1970 UTC.
const exportedAt = 1_700_000_000

// A model is a datagram that is right, and what has to be known to mutate it.
type model struct {
	name     string
	bytes    []byte
	flows    int
	free     []int  // places in the header of four bytes that say nothing of how many flows there are
	counts   bool   // the number of flows stands at 2, and fewer are read if it says so
	parts    []int  // where sets, samples or records begin, and the end
	template [2]int // where templates begin and end; both 0: there are none
}

// models are a datagram of each protocol.
func models() []model {
	return []model{legacyModel(1, 16, 52), legacyModel(5, 24, 48), legacyModel(7, 24, 52), setsModel(9), setsModel(10), sampledModel()}
}

// A maker puts numbers behind each other.
type maker []byte

func (m *maker) u8(list ...uint8) { *m = append(*m, list...) }

func (m *maker) u16(list ...uint16) {
	for _, v := range list {
		*m = binary.BigEndian.AppendUint16(*m, v)
	}
}

func (m *maker) u32(list ...uint32) {
	for _, v := range list {
		*m = binary.BigEndian.AppendUint32(*m, v)
	}
}

// legacyModel is one of NetFlow 1, 5 or 7, full.
func legacyModel(version uint16, header, record int) model {
	const flows = 25
	m := model{name: map[uint16]string{1: "NetFlow 1", 5: "NetFlow 5", 7: "NetFlow 7"}[version], flows: flows, counts: true, free: []int{4, 8, 12}}
	if version != 1 {
		m.free = append(m.free, 16, 20)
	}
	b := make([]byte, header+flows*record)
	be := binary.BigEndian
	be.PutUint16(b, version)
	be.PutUint16(b[2:], flows)
	be.PutUint32(b[4:], 3_600_000)
	be.PutUint32(b[8:], exportedAt)
	for i := range flows {
		r := b[header+i*record:]
		m.parts = append(m.parts, header+i*record)
		be.PutUint32(r, 0x0a000001+uint32(i))
		be.PutUint32(r[4:], 0xc6336401)
		be.PutUint32(r[16:], 10)
		be.PutUint32(r[20:], 8000)
		be.PutUint32(r[24:], 3_590_000)
		be.PutUint32(r[28:], 3_599_000)
		be.PutUint16(r[32:], 40_000)
		be.PutUint16(r[34:], 443)
		r[38] = 6
	}
	m.bytes, m.parts = b, append(m.parts, len(b))
	return m
}

// setsModel is one of NetFlow 9 or IPFIX: templates of both versions of IP, one of options with names of interfaces, and data of
// each. That of IPFIX has a field of variable length.
func setsModel(version uint16) model {
	m := model{name: map[uint16]string{9: "NetFlow 9", 10: "IPFIX"}[version], flows: 18}
	var b maker
	templates, options := uint16(0), uint16(1)
	if version == 9 {
		b.u16(9, 22)
		b.u32(3_600_000, exportedAt, 1, 7)
		m.free = []int{4, 8, 12, 16}
	} else {
		templates, options = 2, 3
		b.u16(10, 0)
		b.u32(exportedAt, 1, 7)
		m.free = []int{4, 8, 12}
	}
	set := func(id uint16, body maker) {
		m.parts = append(m.parts, len(b))
		b.u16(id, uint16(4+len(body)))
		b = append(b, body...)
	}
	m.template[0] = len(b)
	four, six, names := maker{}, maker{}, maker{}
	four.u16(300, 10, 8, 4, 12, 4, 1, 4, 2, 4, 22, 4, 21, 4, 7, 2, 11, 2, 4, 1, 6, 1)
	set(templates, four)
	six.u16(301, 7, 27, 16, 28, 16, 1, 8, 2, 8, 7, 2, 11, 2)
	if version == 9 {
		six.u16(4, 1)
		names.u16(302, 4, 4, 1, 4, 82, 16)
	} else {
		six.u16(96, 0xffff) // applicationName
		names.u16(302, 2, 1, 10, 4, 82, 16)
	}
	set(templates, six)
	set(options, names)
	m.template[1] = len(b)
	var name, v4, v6 maker
	name.u32(1)
	name = append(name, "GigabitEthernet0"...)
	set(302, name)
	for i := range uint32(12) {
		v4.u32(0x0a000001+i, 0xc6336401, 8000, 10, 3_590_000, 3_599_000)
		v4.u16(40_000, 443)
		v4.u8(6, 0x1b)
	}
	set(300, v4)
	for i := range uint32(6) {
		v6.u32(0x20010db8, 0, 0, i+1, 0x20010db8, 1, 0, 2, 0, 8000, 0, 10)
		v6.u16(40_000, 443)
		if version == 9 {
			v6.u8(17)
		} else {
			v6.u8(3, 'd', 'n', 's')
		}
	}
	set(301, v6)
	if version == 10 {
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	}
	m.bytes, m.parts = b, append(m.parts, len(b))
	return m
}

// sampledModel is one of sFlow 5: samples of packets of both versions of IP, expanded ones, one of counters.
func sampledModel() model {
	m := model{name: "sFlow 5", flows: 9, free: []int{8, 12, 16, 20}}
	var b maker
	b.u32(5, 1, 0xc0000201, 0, 1, 3_600_000, 10)
	four := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, 5, 0x78, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 198, 51, 100, 2,
		0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x12, 0xff, 0xff, 0, 0, 0, 0, 0, 0}
	six := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64}, make([]byte, 42)...)
	copy(six[22:], []byte{0x20, 1, 0x0d, 0xb8})
	copy(six[38:], []byte{0x20, 1, 0x0d, 0xb9})
	sample := func(kind uint32, head []uint32, packet []byte) {
		m.parts = append(m.parts, len(b))
		var body maker
		body.u32(head...)
		body.u32(1, 1, uint32(16+len(packet)), 1, 1418, 4, uint32(len(packet))) // one record: the beginning of an Ethernet frame
		body = append(body, packet...)
		b.u32(kind, uint32(len(body)))
		b = append(b, body...)
	}
	for i := range uint32(3) {
		sample(1, []uint32{i, 3, 400, 1000, 0, 3, 4}, four)
		sample(1, []uint32{i, 3, 400, 1000, 0, 3, 4}, six)
		sample(3, []uint32{i, 0, 3, 400, 1000, 0, 0, 3, 0, 4}, four)
	}
	m.parts = append(m.parts, len(b))
	b.u32(2, 12, 1, 3, 0)
	m.bytes, m.parts = b, append(m.parts, len(b))
	return m
}
