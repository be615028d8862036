// Package drops asks the system how many datagrams it dropped because they were not read in time.
package drops

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"time"
)

// interval is how often Watch asks the system.
const interval = 10 * time.Second

// Watch tells how many datagrams to a UDP port were dropped since it told last, as soon as some were, until ctx ends.
func Watch(ctx context.Context, port uint16, dropped func(n uint64)) error {
	return watch(ctx, func() (uint64, bool) { return Of(port) }, dropped)
}

func watch(ctx context.Context, of func() (uint64, bool), dropped func(n uint64)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	known := uint64(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if n, ok := of(); ok && n > known {
			dropped(n - known)
			known = n
		}
	}
}

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
