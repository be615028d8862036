package netflow

import (
	"encoding/binary"
	"syscall"
	"testing"

	"tocsin/internal/flow"
)

// benchV5 is a full datagram of version 5.
func benchV5() []byte {
	b := make([]byte, 24+30*48)
	binary.BigEndian.PutUint16(b, 5)
	binary.BigEndian.PutUint16(b[2:], 30)
	binary.BigEndian.PutUint32(b[4:], 3_600_000)
	binary.BigEndian.PutUint32(b[8:], 1_700_000_000)
	for i := range 30 {
		r := b[24+48*i:]
		binary.BigEndian.PutUint32(r, 0x0a000001+uint32(i))
		binary.BigEndian.PutUint32(r[4:], 0x0a010001)
		binary.BigEndian.PutUint32(r[16:], 10)
		binary.BigEndian.PutUint32(r[20:], 8000)
		binary.BigEndian.PutUint32(r[24:], 3_590_000)
		binary.BigEndian.PutUint32(r[28:], 3_599_000)
		binary.BigEndian.PutUint16(r[32:], 40000)
		binary.BigEndian.PutUint16(r[34:], 443)
		r[37], r[38] = 0x1b, 6
	}
	return b
}

// processor is the processor time that the process has used, in nanoseconds, which tells more than the clock where others work.
func processor(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// reportRate reports millions of flows a second of processor time.
func reportRate(b *testing.B, flows int, before int64) {
	b.ReportMetric(float64(flows)*float64(b.N)/float64(processor(b)-before)*1e3, "Mflows/s")
}

func BenchmarkV5(b *testing.B) {
	d, datagram, into := New(Options{}), benchV5(), make([]flow.Record, 0, 64)
	b.ReportAllocs()
	before := processor(b)
	for b.Loop() {
		into, _ = d.Decode([16]byte{15: 1}, 1_700_000_000e9, datagram, into[:0])
	}
	reportRate(b, len(into), before)
}

// elementsV9 are those of softflowd.
var elementsV9 = [][2]uint16{{8, 4}, {12, 4}, {22, 4}, {21, 4}, {1, 4}, {2, 4}, {10, 4}, {14, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {60, 1}, {5, 1}, {32, 2}, {58, 2}}

func benchSets(version uint16) []byte {
	var b []byte
	u16 := func(v ...uint16) {
		for _, v := range v {
			b = binary.BigEndian.AppendUint16(b, v)
		}
	}
	u32 := func(v ...uint32) {
		for _, v := range v {
			b = binary.BigEndian.AppendUint32(b, v)
		}
	}
	if version == 9 {
		u16(9, 28)
		u32(3_600_000, 1_700_000_000, 1, 7)
		u16(0, uint16(8+4*len(elementsV9)))
	} else {
		u16(10, 0)
		u32(1_700_000_000, 1, 7)
		u16(2, uint16(8+4*len(elementsV9)))
	}
	u16(300, uint16(len(elementsV9)))
	size := 0
	for _, e := range elementsV9 {
		u16(e[0], e[1])
		size += int(e[1])
	}
	u16(300, uint16(4+27*size))
	for i := range uint32(27) {
		u32(0x0a000001+i, 0x0a010001, 3_590_000, 3_599_000, 8000, 10, 1, 2)
		u16(40000, 443)
		b = append(b, 6, 0x1b, 4, 0)
		u16(0, 0)
	}
	if version == 10 {
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	}
	return b
}

func BenchmarkV9(b *testing.B) {
	d, datagram, into := New(Options{}), benchSets(9), make([]flow.Record, 0, 64)
	b.ReportAllocs()
	before := processor(b)
	for b.Loop() {
		into, _ = d.Decode([16]byte{15: 1}, 1_700_000_000e9, datagram, into[:0])
	}
	reportRate(b, len(into), before)
}

func BenchmarkIPFIX(b *testing.B) {
	d, datagram, into := New(Options{}), benchSets(10), make([]flow.Record, 0, 64)
	b.ReportAllocs()
	before := processor(b)
	for b.Loop() {
		into, _ = d.Decode([16]byte{15: 1}, 1_700_000_000e9, datagram, into[:0])
	}
	reportRate(b, len(into), before)
}
