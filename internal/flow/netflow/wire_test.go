package netflow_test

import (
	"encoding/binary"
	"net/netip"

	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
)

// A wire writes what exporters send.
type wire struct{ b []byte }

func (w *wire) u8(list ...uint8) *wire { w.b = append(w.b, list...); return w }

func (w *wire) u16(list ...uint16) *wire {
	for _, v := range list {
		w.b = binary.BigEndian.AppendUint16(w.b, v)
	}
	return w
}

func (w *wire) u32(list ...uint32) *wire {
	for _, v := range list {
		w.b = binary.BigEndian.AppendUint32(w.b, v)
	}
	return w
}

func (w *wire) u64(list ...uint64) *wire {
	for _, v := range list {
		w.b = binary.BigEndian.AppendUint64(w.b, v)
	}
	return w
}

func (w *wire) text(s string) *wire { w.b = append(w.b, s...); return w }

// ip writes an address in as many bytes as it has.
func (w *wire) ip(text string) *wire {
	w.b = append(w.b, netip.MustParseAddr(text).AsSlice()...)
	return w
}

// set writes a set with its length.
func (w *wire) set(id uint16, body *wire) *wire {
	return w.u16(id, uint16(4+len(body.b))).text(string(body.b))
}

// A field of a template.
type element struct {
	id, length uint16
	enterprise uint32
}

// template writes a template of version 9 or 10.
func template(id uint16, fields ...element) *wire {
	w := new(wire).u16(id, uint16(len(fields)))
	return w.fields(fields)
}

func (w *wire) fields(fields []element) *wire {
	for _, f := range fields {
		if f.enterprise != 0 {
			w.u16(f.id|0x8000, f.length).u32(f.enterprise)
			continue
		}
		w.u16(f.id, f.length)
	}
	return w
}

// exportTime is when the datagrams of the tests say that they were sent, in seconds, at an uptime of uptime ms.
const (
	exportTime = 1_700_000_000
	uptime     = 100_000
)

// v9 puts sets into a datagram.
func v9(sequence, domain uint32, sets *wire) []byte {
	return new(wire).u16(9, 1).u32(uptime, exportTime, sequence, domain).text(string(sets.b)).b
}

func ipfix(sequence, domain uint32, sets *wire) []byte {
	return new(wire).u16(10, uint16(16+len(sets.b))).u32(exportTime, sequence, domain).text(string(sets.b)).b
}

// addr is an address as records hold it.
func addr(text string) [16]byte { return netip.MustParseAddr(text).As16() }

// A bench is a decoder with a clock.
type bench struct {
	*netflow.Decoder
	now int64
}

func newBench(o netflow.Options) *bench { return &bench{netflow.New(o), exportTime * 1e9} }

// take decodes a datagram of exporter 192.0.2.1.
func (b *bench) take(datagram []byte) ([]flow.Record, flow.Report) {
	return b.Decode(addr("192.0.2.1"), b.now, datagram, nil)
}

// takeAll takes datagrams one after the other. Options and problems are those of all, version and domain those of the last.
func (b *bench) takeAll(datagrams [][]byte) (records []flow.Record, all flow.Report) {
	for _, datagram := range datagrams {
		some, report := b.take(datagram)
		records = append(records, some...)
		all.Options, all.Version, all.Domain = all.Options+report.Options, report.Version, report.Domain
		for why, n := range report.Problems {
			all.Problems[why] += n
		}
	}
	return records, all
}
