package main

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/internal/flow/flowtest"
)

// sshScan makes datagrams of NetFlow 5 as a router sends them: 198.51.100.77 tries port 22 of so many hosts of 10.1.0.0/16, one a
// second up to a time, and 10.0.0.5 works on five.
func sshScan(until time.Time, hosts int) (datagrams [][]byte) {
	be := binary.BigEndian
	began := until.Add(-time.Duration(hosts+10) * time.Second)
	var records [][]byte
	add := func(from [4]byte, host, port, second, packets int) {
		r := make([]byte, 48)
		copy(r, from[:])
		copy(r[4:], []byte{10, 1, byte(host / 250), byte(1 + host%250)})
		be.PutUint32(r[16:], uint32(packets))         //nolint:gosec // few
		be.PutUint32(r[20:], uint32(60*packets))      //nolint:gosec // few
		be.PutUint32(r[24:], uint32(second*1000))     //nolint:gosec // few
		be.PutUint32(r[28:], uint32(second*1000+500)) //nolint:gosec // few
		be.PutUint16(r[32:], uint16(port))            //nolint:gosec // few
		be.PutUint16(r[34:], 22)
		r[37], r[38] = 2, 6 // SYN, TCP
		records = append(records, r)
	}
	for i := range hosts {
		add([4]byte{198, 51, 100, 77}, i, 40_000+i, i, 1)
	}
	for i := range 5 {
		add([4]byte{10, 0, 0, 5}, 1000+i, 50_000+i, hosts, 30)
	}
	for sent := 0; len(records) > 0; {
		n := min(30, len(records))
		b := be.AppendUint16(be.AppendUint16(nil, 5), uint16(n))      //nolint:gosec // 30
		b = be.AppendUint32(b, uint32((hosts+10)*1000))               //nolint:gosec // how long the router has run, in milliseconds
		b = be.AppendUint32(b, uint32(began.Unix())+uint32(hosts+10)) //nolint:gosec // of this century
		b = be.AppendUint32(b, 0)
		b = be.AppendUint32(b, uint32(sent)) //nolint:gosec // few
		b = append(b, 0, 0, 0, 0)
		for _, r := range records[:n] {
			b = append(b, r...)
		}
		datagrams, records, sent = append(datagrams, b), records[n:], sent+n
	}
	return datagrams
}

var listensFor = regexp.MustCompile(`"listening for flows".*?"address":"([^"]+)"`)

// scriptSSHScan writes a scan of so many hosts that ended so long ago into a capture, or sends one that ends now to the daemon
// beside the script.
func scriptSSHScan(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || (args[0] == "send") != (len(args) == 2) {
		ts.Fatalf("usage: sshscan send HOSTS, or sshscan FILE HOSTS AGO")
	}
	hosts, err := strconv.Atoi(args[1])
	ts.Check(err)
	if args[0] != "send" {
		ago, err := time.ParseDuration(args[2])
		ts.Check(err)
		until := time.Now().Add(-ago)
		router, here := netip.MustParseAddrPort("192.0.2.1:51000"), netip.MustParseAddrPort("198.51.100.1:2055")
		text := flowtest.Capture(uint32(until.Unix()), flowtest.Exports(router, here, sshScan(until, hosts))) //nolint:gosec // of this century
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
		return
	}
	var at [][]byte
	for end := time.Now().Add(time.Minute); at == nil; <-time.After(10 * time.Millisecond) { // a daemon may be ready a moment before
		said, err := os.ReadFile(ts.MkAbs(".daemon"))
		ts.Check(err)
		if at = listensFor.FindSubmatch(said); at == nil && time.Now().After(end) {
			ts.Fatalf("the daemon does not say where it listens for flows:\n%s", said)
		}
	}
	to, err := net.Dial("udp", string(at[1]))
	ts.Check(err)
	for _, datagram := range sshScan(time.Now(), hosts) {
		_, err := to.Write(datagram)
		ts.Check(err)
	}
	ts.Check(to.Close())
}
