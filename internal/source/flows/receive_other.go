//go:build !linux

package flows

import (
	"net"
	"net/netip"
)

// A receiver reads datagrams from a socket, one at a time.
type receiver struct {
	conn *net.UDPConn
	buf  []byte
	n    int
	from netip.Addr
}

func newReceiver(c *net.UDPConn) *receiver { return &receiver{conn: c, buf: make([]byte, largest)} }

// receive waits for a datagram and returns how many there are. It holds until it is called again.
func (r *receiver) receive() (int, error) {
	n, from, err := r.conn.ReadFromUDPAddrPort(r.buf)
	if err != nil {
		return 0, err
	}
	r.n, r.from = n, from.Addr()
	return 1, nil
}

// datagram returns the one at hand and who sent it.
func (r *receiver) datagram(int) ([]byte, netip.Addr) { return r.buf[:r.n], r.from }
