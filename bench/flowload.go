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
	flowPool      = 1 << 16 // datagrams that are made before the clock runs: two million flows, again and again
	flowExporters = 4       // addresses that they are sent from
)

// generate runs the generator in a process of its own and returns how many flows it sent and what it used.
func generate(o options, address, shape string) (sent int64, used time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.Command(self, "-suite", "flows", "-send", address, "-shape", shape, "-flows", strconv.Itoa(o.flows), "-for", o.duration.String())
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("generator: %w", err)
	}
	_, err = fmt.Sscan(string(text), &sent)
	return sent, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}

// send is the generator. It prints how many flows it sent.
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
	pool := flowDatagrams()
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
		b, e := pool[i%len(pool)], &exporters[i%len(exporters)]
		if o.shape == "flood" {
			for at := 24; at < len(b); at += 48 {
				binary.BigEndian.PutUint32(b[at:], rng.Uint32())
			}
		}
		binary.BigEndian.PutUint32(b[8:], uint32(time.Now().Unix()))
		binary.BigEndian.PutUint32(b[16:], e.sent)
		if _, err := e.conn.Write(b); err != nil {
			return err
		}
		e.sent += perDatagram
		sent += perDatagram
	}
	fmt.Println(sent)
	return nil
}

// flowDatagrams makes datagrams whose clients are spread after Zipf's law. Of half of the sessions both directions are told.
func flowDatagrams() [][]byte {
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
			be.PutUint32(r[24:], 3_595_000-length)
			be.PutUint32(r[28:], 3_595_000)
			r[37], r[38] = 0x1b, 6
			if n%3 == 2 { // the answer to the one before
				q := b[24+48*(n-1):]
				copy(r, q[4:8])
				copy(r[4:], q[:4])
				copy(r[32:], q[34:36])
				copy(r[34:], q[32:34])
				continue
			}
			be.PutUint32(r, 10<<24+uint32(zipf.Uint64()))
			be.PutUint32(r[4:], 0xc6336400+uint32(rng.IntN(4096)))
			be.PutUint16(r[32:], uint16(32768+rng.IntN(28_000)))
			be.PutUint16(r[34:], ports[rng.IntN(len(ports))])
		}
		pool[i] = b
	}
	return pool
}
