package flows

import (
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

// atOnce is how many datagrams are read by one call of the system (recvmmsg(2)). Each has a buffer for the largest one; of a
// buffer that holds a small one, the rest takes no memory.
const atOnce = 32

// A receiver reads datagrams from a socket, as many as wait.
type receiver struct {
	conn     *ipv4.PacketConn // which reads from sockets of version 6 as well
	messages []ipv4.Message
}

func newReceiver(c *net.UDPConn) *receiver {
	r := &receiver{conn: ipv4.NewPacketConn(c), messages: make([]ipv4.Message, atOnce)}
	buf := make([]byte, atOnce*largest)
	for i := range r.messages {
		r.messages[i].Buffers = [][]byte{buf[i*largest : (i+1)*largest]}
	}
	return r
}

// receive waits for datagrams and returns how many there are, one at least. They hold until it is called again.
func (r *receiver) receive() (int, error) { return r.conn.ReadBatch(r.messages, 0) }

// datagram returns one of them and who sent it.
func (r *receiver) datagram(i int) ([]byte, netip.Addr) {
	m := &r.messages[i]
	return m.Buffers[0][:m.N], m.Addr.(*net.UDPAddr).AddrPort().Addr() //nolint:forcetypeassert // of a UDP socket
}
