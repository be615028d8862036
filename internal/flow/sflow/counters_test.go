package sflow

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/flow"
)

// interfaces is an interface all of whose counters differ.
func interfaces() flow.Interface {
	i := flow.Interface{
		Agent: addr("192.0.2.1"), Uptime: 3_600_000, Source: 3, Sequence: 7,
		Index: 3, Type: 6, Speed: 1_000_000_000, Duplex: flow.FullDuplex, Status: flow.AdminUp | flow.OperUp, Promiscuous: true,
	}
	for n := range i.Counts {
		i.Counts[n] = uint64(n) + 1000
	}
	i.Counts[flow.InOctets], i.Counts[flow.OutOctets] = 1<<40+1, 1<<41+2
	return i
}

// generics is the generic record of an interface.
func generics(i flow.Interface) []byte {
	b := binary.BigEndian.AppendUint64(words(i.Index, i.Type), i.Speed)
	b = append(b, words(uint32(i.Duplex), uint32(i.Status))...)
	some := func(of ...flow.Count) {
		for _, c := range of {
			b = binary.BigEndian.AppendUint32(b, uint32(i.Counts[c])) //nolint:gosec // all ones stay so
		}
	}
	b = binary.BigEndian.AppendUint64(b, i.Counts[flow.InOctets])
	some(flow.InUnicast, flow.InMulticast, flow.InBroadcast, flow.InDiscards, flow.InErrors, flow.InUnknownProtocols)
	b = binary.BigEndian.AppendUint64(b, i.Counts[flow.OutOctets])
	some(flow.OutUnicast, flow.OutMulticast, flow.OutBroadcast, flow.OutDiscards, flow.OutErrors)
	return framed(interfaceCounters, append(b, words(1)...))
}

func dot3s(alignment, checksum, late, symbol uint32) []byte {
	return framed(ethernetCounters, words(alignment, checksum, 11, 12, 13, 14, late, 15, 16, 17, 18, 19, symbol))
}

// named is a text with its length before it.
func named(text string) []byte { return append(words(uint32(len(text))), text...) } //nolint:gosec // short

// countersOf is a counter sample of the interface 3.
func countersOf(sequence uint32, records ...[]byte) []byte {
	body := words(sequence, 3, uint32(len(records))) //nolint:gosec // few
	for _, r := range records {
		body = append(body, r...)
	}
	return framed(counterSample, body)
}

// count decodes a datagram as a listener does.
func count(t *testing.T, datagram []byte) ([]flow.Interface, flow.Report) {
	t.Helper()
	_, report := take(t, New(), datagram)
	return Counters(datagram, nil, &report), report
}

func TestCounters(t *testing.T) {
	whole, bare := interfaces(), interfaces()
	whole.Counts[flow.AlignmentErrors], whole.Counts[flow.ChecksumErrors], whole.Counts[flow.LateCollisions], whole.Counts[flow.SymbolErrors] = 1, 2, 3, 4
	for _, c := range []flow.Count{flow.AlignmentErrors, flow.ChecksumErrors, flow.LateCollisions, flow.SymbolErrors} {
		bare.Counts[c] = flow.Unknown
	}
	called := bare
	called.Name = []byte("xe-0/0/3")
	wide := bare
	wide.SourceClass, wide.Source, wide.Index = 0, 1<<24+5, 1<<24+5
	silent := flow.Interface{Agent: whole.Agent, Uptime: whole.Uptime, Source: 3, Sequence: 7, Index: 3, Status: flow.UnknownStatus}
	for n := range silent.Counts {
		silent.Counts[n] = flow.Unknown
	}
	ones := generics(silent)
	binary.BigEndian.PutUint64(ones[16:], math.MaxUint64)
	binary.BigEndian.PutUint32(ones[24:], math.MaxUint32)
	binary.BigEndian.PutUint32(ones[28:], math.MaxUint32)
	binary.BigEndian.PutUint32(ones[92:], math.MaxUint32)
	longer := append(generics(bare)[8:], words(1, 2, 3)...)
	for name, c := range map[string]struct {
		sample []byte
		want   flow.Interface
	}{
		"generic alone":   {countersOf(7, generics(bare)), bare},
		"with ethernet":   {countersOf(7, generics(bare), dot3s(1, 2, 3, 4)), whole},
		"ethernet before": {countersOf(7, dot3s(1, 2, 3, 4), generics(bare)), whole},
		"with a name":     {countersOf(7, framed(portName, named("xe-0/0/3")), generics(bare)), called},
		"expanded":        {framed(expandedCounterSample, append(words(7, 0, 1<<24+5, 1), generics(wide)...)), wide},
		"others between":  {countersOf(7, framed(5, words(1, 2)), framed(4413<<12|1, words(1)), generics(bare), framed(2001, words(1))), bare},
		"nothing known":   {countersOf(7, ones), silent},
		"a later version": {countersOf(7, framed(interfaceCounters, longer)), bare},
		"twice":           {countersOf(7, generics(bare), generics(whole)), bare},
	} {
		got, report := count(t, datagramOf(1, c.sample))
		if diff := cmp.Diff([]flow.Interface{c.want}, got); diff != "" || report.String() != "" || report.Counters != 1 {
			t.Errorf("%s: %+v (-want +got):\n%s", name, report, diff)
		}
	}
	other := countersOf(7, generics(bare))
	binary.BigEndian.PutUint32(other[12:], 2<<24|9)
	if got, _ := count(t, datagramOf(1, other)); len(got) != 1 || got[0].SourceClass != 2 || got[0].Source != 9 {
		t.Errorf("a data source of class 2: %+v", got)
	}
	datagram := datagramOf(1, countersOf(7, generics(bare)), flowSampleOf(400, raw(1418, tcp4())), countersOf(8, generics(bare)))
	if flows, _ := take(t, New(), datagram); len(flows) != 1 {
		t.Errorf("%d flows between counter samples", len(flows))
	}
	if got, _ := count(t, datagram); len(got) != 2 || got[1].Sequence != 8 {
		t.Errorf("%+v of two samples with a flow between", got)
	}
}

// TestForeignCounters: samples that tell of no interface, as of processors and of hosts, are none, and no fault.
func TestForeignCounters(t *testing.T) {
	for name, sample := range map[string][]byte{
		"processor": countersOf(7, framed(1001, words(1, 2, 3, 0, 4, 0, 5))), "ethernet alone": countersOf(7, dot3s(1, 2, 3, 4)), "empty": countersOf(7),
		"of a maker": framed(4413<<12|counterSample, words(1)),
	} {
		if got, report := count(t, datagramOf(1, sample)); len(got) != 0 || report.String() != "" {
			t.Errorf("%s: %q %+v", name, &report, got)
		}
	}
}

// TestDamagedCounters: what breaks off is told and never made up: of a cut sample all is whole that is told of it.
func TestDamagedCounters(t *testing.T) {
	bare := interfaces()
	good := datagramOf(1, countersOf(7, generics(bare), dot3s(1, 2, 3, 4)))
	for n := range good {
		if got, report := count(t, good[:n]); len(got) != 0 || report.String() == "" {
			t.Fatalf("%d of %d bytes: %q %+v", n, len(good), &report, got)
		}
	}
	body := good[36:] // of the sample
	for n := range body {
		got, report := count(t, datagramOf(1, framed(counterSample, body[:n])))
		if want := n >= 12+96; (len(got) == 1) != want || report.String() == "" || want && got[0].Counts[flow.OutErrors] != bare.Counts[flow.OutErrors] {
			t.Fatalf("%d of %d bytes of the sample: %q %+v", n, len(body), &report, got)
		}
	}
	for name, c := range map[string]struct {
		at       int
		value    uint32
		problems string
		found    int
	}{
		"more records":    {44, 9, "wrong-count", 1},
		"many records":    {44, math.MaxUint32, "wrong-count", 1},
		"no records":      {44, 0, "", 0},
		"record length":   {52, 1 << 30, "truncated", 0},
		"short record":    {52, 84, "bad-length", 0}, // what follows is then read from within it
		"ethernet length": {148, 1 << 31, "truncated", 1},
		"duplex":          {72, 99, "", 1},
	} {
		datagram := append([]byte{}, good...)
		binary.BigEndian.PutUint32(datagram[c.at:], c.value)
		if got, report := count(t, datagram); len(got) != c.found || report.String() != c.problems {
			t.Errorf("%s: %d interfaces and %q, want %d and %q", name, len(got), &report, c.found, c.problems)
		}
	}
	for name, record := range map[string][]byte{
		"short generic": framed(interfaceCounters, make([]byte, 84)), "short ethernet": framed(ethernetCounters, make([]byte, 48)),
		"endless name": framed(portName, words(1<<31, 1)), "long name": framed(portName, named(string(make([]byte, 256)))),
	} {
		if _, report := count(t, datagramOf(1, countersOf(7, record))); report.String() != "bad-length" {
			t.Errorf("%s: %q", name, &report)
		}
	}
}

// checkCounters fails when counter samples are read differently from how they were counted, or tell more than was sent.
func checkCounters(t *testing.T, datagram []byte, report flow.Report) {
	t.Helper()
	problems := report
	got := Counters(datagram, nil, &problems)
	if len(got) > report.Counters || len(got) > len(datagram)/100 {
		t.Fatalf("%d interfaces in %d samples of %d bytes", len(got), report.Counters, len(datagram))
	}
	for why, n := range problems.Problems {
		if n < report.Problems[why] {
			t.Fatalf("%s: %d, and %d before", flow.Reason(why), n, report.Problems[why]) //nolint:gosec // few
		}
	}
	for _, i := range got {
		if len(i.Name) > maxName || i.Status&^(flow.AdminUp|flow.OperUp|flow.UnknownStatus) != 0 || i.Duplex > flow.OutOnly {
			t.Fatalf("%+v", i)
		}
		for c, n := range i.Counts {
			if flow.Count(c) != flow.InOctets && flow.Count(c) != flow.OutOctets && n >= math.MaxUint32 && n != flow.Unknown { //nolint:gosec // few
				t.Fatalf("count %d is %d, which 32 bits do not hold", c, n)
			}
		}
	}
}

// TestTelegrafCounters: the counter sample that Telegraf is tested with, of hsflowd: octets and packets of one card in gigabit, of
// which multicast and what is sent as broadcast are not known.
func TestTelegrafCounters(t *testing.T) {
	datagram, err := os.ReadFile("../../../testdata/real/telegraf/sflow_v5_example/sflow_v5.bin")
	if err != nil {
		t.Fatal(err)
	}
	want := flow.Interface{
		Agent: addr("192.168.119.184"), Domain: 100_000, Uptime: 12414, Source: 3, Sequence: 2, Index: 3, Type: 6, Speed: 1_000_000_000, Duplex: flow.FullDuplex,
		Status: flow.AdminUp | flow.OperUp, Name: []byte("eno1"),
	}
	for n := range want.Counts {
		want.Counts[n] = flow.Unknown
	}
	for c, n := range map[flow.Count]uint64{
		flow.InOctets: 3910, flow.InUnicast: 28, flow.InDiscards: 0, flow.InErrors: 0, flow.OutOctets: 3946, flow.OutUnicast: 29, flow.OutDiscards: 0, flow.OutErrors: 0,
	} {
		want.Counts[c] = n
	}
	got, report := count(t, datagram)
	if diff := cmp.Diff([]flow.Interface{want}, got); diff != "" || report.String() != "" {
		t.Errorf("%q (-want +got):\n%s", &report, diff)
	}
}

func BenchmarkCounters(b *testing.B) {
	var samples [][]byte
	for range 8 {
		samples = append(samples, countersOf(7, generics(interfaces()), dot3s(1, 2, 3, 4)))
	}
	datagram, into := datagramOf(1, samples...), make([]flow.Interface, 0, 8)
	b.ReportAllocs()
	before := processor(b)
	for b.Loop() {
		var report flow.Report
		into = Counters(datagram, into[:0], &report)
	}
	b.ReportMetric(float64(len(into))*float64(b.N)/float64(processor(b)-before)*1e3, "Msamples/s")
}
