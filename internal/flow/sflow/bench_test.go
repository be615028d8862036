package sflow

import (
	"encoding/binary"
	"syscall"
	"testing"

	"tocsin/internal/flow"
)

// datagramOf puts samples into a datagram of agent 192.0.2.1.
func datagramOf(sequence uint32, samples ...[]byte) []byte {
	b := words(5, 1, 0xc0000201, 0, sequence, 3_600_000, uint32(len(samples)))
	for _, s := range samples {
		b = append(b, s...)
	}
	return b
}

func words(list ...uint32) (b []byte) {
	for _, w := range list {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// framed puts a type and a length before a body, and pads it.
func framed(kind uint32, body []byte) []byte {
	b := append(words(kind, uint32(len(body))), body...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// flowSampleOf is a flow sample at 1 in rate with the records.
func flowSampleOf(rate uint32, records ...[]byte) []byte {
	body := words(1, 3, rate, 1000, 0, 3, 4, uint32(len(records)))
	for _, r := range records {
		body = append(body, r...)
	}
	return framed(flowSample, body)
}

// raw is a record with the beginning of an Ethernet frame of so many bytes with a checksum of four.
func raw(length uint32, header []byte) []byte {
	return framed(rawHeader, append(words(headerEthernet, length, 4, uint32(len(header))), header...))
}

// tcp4 is the beginning of a TCP packet of 1,400 bytes from 10.0.0.1:40000 to 198.51.100.2:443.
func tcp4() []byte {
	b := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00}
	b = append(b, 0x45, 0x10, 0x05, 0x78, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 198, 51, 100, 2)
	return append(b, 0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x12, 0xff, 0xff, 0, 0, 0, 0)
}

// processor is the processor time that the process has used, in nanoseconds, which tells more than the clock where others work.
func processor(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkSFlow(b *testing.B) {
	var samples [][]byte
	for range 8 {
		samples = append(samples, flowSampleOf(400, raw(1418, tcp4()), framed(extendedSwitch, words(10, 0, 20, 0))))
	}
	datagram, d, into := datagramOf(1, samples...), New(), make([]flow.Record, 0, 16)
	b.ReportAllocs()
	before := processor(b)
	for b.Loop() {
		into, _ = d.Decode([16]byte{15: 1}, 1_700_000_000e9, datagram, into[:0])
	}
	b.ReportMetric(float64(len(into))*float64(b.N)/float64(processor(b)-before)*1e3, "Mflows/s")
}
