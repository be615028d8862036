package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// What the generator sends: full datagrams of NetFlow 5.
const (
	perDatagram   = 30
	flowSources   = 200_000 // addresses that talk, few much and many little
	flowServers   = 4096    // that they talk to, all alike
	firstSource   = 10 << 24
	firstServer   = 0xc6336400 // 198.51.100.0
	flowPool      = 1 << 16    // datagrams that are made before the clock runs: two million flows, again and again
	flowExporters = 4          // addresses that they are sent from
)

// A sending is what the generator sent, and used.
type sending struct {
	sent, honest int64 // flows; of a flood also those of the one exporter that makes nothing up
	used         time.Duration
}

// honestExporter is the address of that one.
const honestExporter = "127.0.0.4"

// generate runs the generator in a process of its own.
func generate(o options, address, shape string) (l sending, err error) {
	self, err := os.Executable()
	if err != nil {
		return l, err
	}
	cmd := exec.Command(self, "-suite", "flows", "-send", address, "-shape", shape, "-flows", strconv.Itoa(o.flows), "-for", o.duration.String())
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return l, fmt.Errorf("generator: %w", err)
	}
	l.used = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	_, err = fmt.Sscan(string(text), &l.sent, &l.honest)
	return l, err
}

// send is the generator. It prints how many flows it sent, and how many of these came of the last exporter.
func send(o options) error {
	to, err := net.ResolveUDPAddr("udp", o.send)
	if err != nil {
		return err
	}
	var exporters [flowExporters]struct {
		conn *net.UDPConn
		sent uint32
	}
	for i := range exporters {
		if exporters[i].conn, err = net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, byte(1+i))}, to); err != nil {
			return err
		}
		defer exporters[i].conn.Close()
	}
	pool, made := flowDatagrams(o.shape == "spread"), maker(nil)
	if o.shape == "flood6" {
		made = flood6Datagram()
	}
	rng := rand.New(rand.NewPCG(3, 4))
	began, sent := time.Now(), int64(0)
	for i := 0; ; i++ {
		passed := time.Since(began)
		if passed >= o.duration {
			break
		}
		if ahead := time.Duration(float64(sent)/float64(o.flows)*float64(time.Second)) - passed; ahead > time.Millisecond {
			time.Sleep(ahead)
			continue
		}
		b, e, n := pool[i%len(pool)], &exporters[i%len(exporters)], uint32(perDatagram)
		now := time.Now()
		switch last := i%len(exporters) == len(exporters)-1; {
		case o.shape == "flood6" && !last:
			b, n = made, flood6Flows
			for at := len(b) - flood6Flows*flood6Record; at < len(b); at += flood6Record {
				binary.BigEndian.PutUint64(b[at+8:], rng.Uint64())
			}
			binary.BigEndian.PutUint32(b[4:], uint32(now.Unix()))
			binary.BigEndian.PutUint32(b[8:], e.sent)
		case o.shape == "flood" && !last:
			for at := 24; at < len(b); at += 48 {
				binary.BigEndian.PutUint32(b[at:], rng.Uint32())
			}
			fallthrough
		default:
			binary.BigEndian.PutUint32(b[8:], uint32(now.Unix()))
			binary.BigEndian.PutUint32(b[12:], uint32(now.Nanosecond()))
			binary.BigEndian.PutUint32(b[16:], e.sent)
		}
		if _, err := e.conn.Write(b); err != nil {
			return err
		}
		e.sent += n
		sent += int64(n)
	}
	fmt.Println(sent, exporters[len(exporters)-1].sent)
	return nil
}

// What a datagram of a flood of version 6 holds.
const (
	flood6Flows  = 28
	flood6Record = 46 // bytes
)

// flood6Datagram makes a message of IPFIX with its template.
func flood6Datagram() maker {
	var b maker
	b.u16(10, 16+4+36+4+flood6Flows*flood6Record)
	b.u32(0, 0, 7)
	b.u16(2, 40, 300, 8, 27, 16, 28, 16, 1, 4, 2, 4, 7, 2, 11, 2, 4, 1, 6, 1)
	b.u16(300, 4+flood6Flows*flood6Record)
	for range flood6Flows {
		b.u32(0x20010db8, 0, 0, 0, 0x20010db8, 0xffff, 0, 1, 1000, 3)
		b.u16(40_000, 443)
		b.u8(6, 0x1b)
	}
	return b
}

// flowDatagrams makes datagrams whose clients are spread after Zipf's law. Of half of the sessions both directions are told. The
// flows of a datagram ended together or, with spread, at any time of the second before.
func flowDatagrams(spread bool) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.1, 8, flowSources-1)
	ports := [...]uint16{443, 443, 443, 80, 53, 53, 22, 25, 123, 8080}
	be := binary.BigEndian
	pool := make([][]byte, flowPool)
	for i := range pool {
		b := make([]byte, 24+48*perDatagram)
		be.PutUint16(b, 5)
		be.PutUint16(b[2:], perDatagram)
		be.PutUint32(b[4:], 3_600_000)
		for n := range perDatagram {
			r := b[24+48*n:]
			packets := uint32(1 + rng.IntN(40))
			be.PutUint32(r[16:], packets)
			be.PutUint32(r[20:], packets*uint32(40+rng.IntN(1400)))
			length := uint32(rng.IntN(20_000))
			last := uint32(3_595_000)
			if spread {
				last -= uint32(rng.IntN(1000))
			}
			be.PutUint32(r[24:], last-length)
			be.PutUint32(r[28:], last)
			r[37], r[38] = 0x1b, 6
			if n%3 == 2 { // the answer to the one before
				q := b[24+48*(n-1):]
				copy(r, q[4:8])
				copy(r[4:], q[:4])
				copy(r[32:], q[34:36])
				copy(r[34:], q[32:34])
				continue
			}
			be.PutUint32(r, firstSource+uint32(zipf.Uint64()))
			be.PutUint32(r[4:], firstServer+uint32(rng.IntN(flowServers)))
			be.PutUint16(r[32:], uint16(32768+rng.IntN(28_000)))
			be.PutUint16(r[34:], ports[rng.IntN(len(ports))])
		}
		pool[i] = b
	}
	return pool
}
