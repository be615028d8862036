// Package drops asks the system how many datagrams it dropped because they were not read in time.
package drops

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// Of returns how many datagrams to a UDP port were dropped, over all sockets of the port that are open, from /proc/net/udp
// (proc(5)); false where there is no such count.
func Of(port uint16) (n uint64, ok bool) {
	for _, name := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		table, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		d, found := count(table, port)
		n += d
		ok = ok || found
	}
	return n, ok
}

// count sums the last column of the lines of a port.
func count(table []byte, port uint16) (n uint64, found bool) {
	want := ":" + strings.ToUpper(strconv.FormatUint(uint64(port)|1<<16, 16)[1:])
	for line := range bytes.Lines(table) {
		f := bytes.Fields(line)
		if len(f) < 13 || !bytes.HasSuffix(f[1], []byte(want)) {
			continue
		}
		d, err := strconv.ParseUint(string(f[len(f)-1]), 10, 64)
		if err == nil {
			n += d
			found = true
		}
	}
	return n, found
}
