package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
	"tocsin/internal/flow/sflow"
)

// Bounds of what mutated datagrams may make decoders keep.
const (
	mutantExporters = 32
	mutantDomains   = 1_000
	mutantHold      = 1 << 16 // bytes that wait for templates, of one domain
	mutantHolds     = 8 << 20 // and of all
)

// A tally is what came of mutated datagrams.
type tally struct {
	sent, records, released, crashes, phantoms int64
	first                                      string // what the first bad one was
}

func (t *tally) add(o *tally) {
	t.sent, t.records, t.released = t.sent+o.sent, t.records+o.records, t.released+o.released
	t.crashes, t.phantoms = t.crashes+o.crashes, t.phantoms+o.phantoms
	if t.first == "" {
		t.first = o.first
	}
}

// mutants sends mutated datagrams through the decoders: none is to end the program, to give flows that it cannot hold, or to make
// the decoders grow.
func mutants(f *figures, o options) error {
	total := o.mutants
	if o.short {
		total = min(total, 1_000_000)
	}
	nets := netflow.New(netflow.Options{MaxDomains: mutantDomains, HoldDomain: mutantHold, HoldTotal: mutantHolds})
	samples := sflow.New()
	all, began := tally{}, time.Now()
	const rounds = 10 // after the first, the decoders know what they ever will
	var heaps [rounds]float64
	workers := runtime.GOMAXPROCS(0)
	for round := range rounds {
		var wait sync.WaitGroup
		results := make([]tally, workers)
		for w := range workers {
			wait.Go(func() {
				m := newMutator(uint64(round*workers+w), nets, samples)
				for range total / rounds / workers {
					m.one()
				}
				results[w] = m.tally
			})
		}
		wait.Wait()
		for i := range results {
			all.add(&results[i])
		}
		var memory runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&memory)
		heaps[round] = float64(memory.HeapAlloc) / 1e6
	}
	held, templates := 0, 0
	for _, h := range nets.Holdings() {
		held, templates = held+h.Held, templates+h.Templates
	}
	f.said("mutated datagrams of six protocols", "%d in %.0f s, %d flows", all.sent, time.Since(began).Seconds(), all.records)
	f.held("  crashes", "%.0f", float64(all.crashes), false, 0)
	f.held("  with flows that they do not hold", "%.0f", float64(all.phantoms), false, 0)
	if all.first != "" {
		f.said("  the first of these", "%s", all.first)
	}
	f.said("  data that waited and was read", "%d sets", all.released)
	f.held("  bytes that wait", "%.0f", float64(held), false, mutantHolds)
	f.held("  templates known", "%.0f", float64(templates), false, mutantDomains*1000)
	f.said("  memory after a tenth of them", "%.1f MB", heaps[0])
	f.held("  memory after all", "%.1f MB", heaps[rounds-1], false, max(1.2*heaps[0], heaps[0]+16))
	runtime.KeepAlive(samples)
	return nil
}

// A mutator mutates and decodes.
type mutator struct {
	tally

	rng     *rand.Rand
	nets    *netflow.Decoder
	samples *sflow.Decoder
	models  []model
	buf     []byte
	other   []byte
	into    []flow.Record
}

func newMutator(seed uint64, nets *netflow.Decoder, samples *sflow.Decoder) *mutator {
	return &mutator{rng: rand.New(rand.NewPCG(seed, 9)), nets: nets, samples: samples, models: models()}
}

// A fate is what a mutated datagram may give: at most so many flows, and exactly so many unless exact is below 0.
type fate struct{ most, exact int }

// one mutates a datagram in one way, decodes it, and looks at what comes of it.
func (m *mutator) one() {
	o := &m.models[m.rng.IntN(len(m.models))]
	m.buf = append(m.buf[:0], o.bytes...)
	how := m.rng.IntN(7)
	want := fate{exact: -1}
	switch how {
	case 0:
		want.exact = m.header(o)
	case 1:
		for range 1 + m.rng.IntN(16) {
			m.buf[m.rng.IntN(len(m.buf))] ^= 1 << m.rng.IntN(8)
		}
	case 2:
		m.buf = m.buf[:m.rng.IntN(len(m.buf)+1)]
	case 3:
		m.length()
	case 4:
		m.template(o)
	case 5:
		m.shuffle(o)
	default:
		m.splice()
	}
	want.most = len(m.buf) / smallest(m.buf)
	exporter := [16]byte{15: byte(m.rng.IntN(mutantExporters))}
	report, crash := m.decode(exporter)
	m.sent++
	m.records += int64(len(m.into))
	m.released += int64(report.Released)
	if report.Released > 0 { // data of earlier datagrams is read with it
		want.most, want.exact = (len(m.buf)+mutantHold)/smallest(m.buf), -1
	}
	switch n := len(m.into); {
	case crash != nil:
		m.crashes++
		m.note(o, how, crash)
	case n > want.most, want.exact >= 0 && n != want.exact, n != report.Records, report.Released == 0 && m.sent%4 == 0 && !m.told():
		m.phantoms++
		m.note(o, how, fmt.Sprintf("%d flows, want %d at most and %d exactly", n, want.most, want.exact))
	}
}

func (m *mutator) note(o *model, how int, what any) {
	if m.first == "" {
		m.first = fmt.Sprintf("%s, way %d, number %d: %v", o.name, how, m.sent, what)
	}
}

// decode decodes the datagram at hand as a collector does.
func (m *mutator) decode(exporter [16]byte) (report flow.Report, crash any) {
	defer func() { crash = recover() }()
	received := exportedAt*1e9 + m.sent*1000
	if sflow.Knows(m.buf) {
		m.into, report = m.samples.Decode(exporter, received, m.buf, m.into[:0])
	} else {
		m.into, report = m.nets.Decode(exporter, received, m.buf, m.into[:0])
	}
	return report, nil
}

// told reports whether the addresses of all flows stand in the datagram.
func (m *mutator) told() bool {
	for i := range m.into {
		for _, a := range [...]*[16]byte{&m.into[i].Source, &m.into[i].Destination} {
			wanted := a[:]
			if netip.AddrFrom16(*a).Is4In6() { // one of version 4; a template may announce one of either
				wanted = a[12:]
			}
			if !bytes.Contains(m.buf, wanted) {
				return false
			}
		}
	}
	return true
}

// smallest is how many bytes of a datagram the smallest flow takes at least.
func smallest(b []byte) int {
	switch {
	case sflow.Knows(b):
		return 60 // a sample, its counts, and the beginning of a packet
	case len(b) < 2:
		return 1
	}
	switch binary.BigEndian.Uint16(b) {
	case 1, 7:
		return 52
	case 5:
		return 48
	}
	return 8 // two addresses of version 4
}

// header changes fields of the header that say nothing of how many flows there are, and returns how many these are.
func (m *mutator) header(o *model) int {
	for range 1 + m.rng.IntN(3) {
		at := o.free[m.rng.IntN(len(o.free))]
		binary.BigEndian.PutUint32(m.buf[at:], m.rng.Uint32())
	}
	if o.counts && m.rng.IntN(2) == 0 {
		count := m.edge()
		binary.BigEndian.PutUint16(m.buf[2:], count)
		return min(int(count), o.flows)
	}
	return o.flows
}

// edge is a number at which programs go wrong.
func (m *mutator) edge() uint16 {
	list := [...]uint16{0, 1, 2, 3, 4, 5, 7, 8, 0x7fff, 0x8000, 0xfffe, 0xffff, uint16(len(m.buf)), uint16(len(m.buf) + 1), uint16(m.rng.Uint32())}
	return list[m.rng.IntN(len(list))]
}

// length puts such a number where a length, a count or an id may be.
func (m *mutator) length() {
	for range 1 + m.rng.IntN(3) {
		binary.BigEndian.PutUint16(m.buf[m.rng.IntN(len(m.buf)/2)*2:], m.edge())
	}
}

// template changes what templates announce, or anything of a datagram without one.
func (m *mutator) template(o *model) {
	if o.template == [2]int{} {
		m.length()
		return
	}
	for range 1 + m.rng.IntN(4) {
		at := o.template[0] + m.rng.IntN((o.template[1]-o.template[0])/2)*2
		v := m.edge()
		if m.rng.IntN(2) == 0 {
			v = uint16(m.rng.IntN(400))
		}
		binary.BigEndian.PutUint16(m.buf[at:], v)
	}
}

// shuffle puts sets or records in another order; some are left out, some stand twice.
func (m *mutator) shuffle(o *model) {
	m.other = append(m.other[:0], m.buf[:o.parts[0]]...)
	for range len(o.parts) - 1 {
		i := m.rng.IntN(len(o.parts) - 1)
		if m.rng.IntN(8) == 0 {
			continue
		}
		m.other = append(m.other, o.bytes[o.parts[i]:o.parts[i+1]]...)
	}
	m.buf, m.other = m.other, m.buf
	if binary.BigEndian.Uint16(m.buf) == 10 {
		binary.BigEndian.PutUint16(m.buf[2:], uint16(len(m.buf)))
	}
}

// splice puts the end of one datagram behind the beginning of another.
func (m *mutator) splice() {
	o := &m.models[m.rng.IntN(len(m.models))]
	m.buf = append(m.buf[:m.rng.IntN(len(m.buf))], o.bytes[m.rng.IntN(len(o.bytes)):]...)
}
