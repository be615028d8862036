//go:build !linux

package flows

import (
	"net"
	"syscall"
)

// spreads says whether the system spreads datagrams over sockets that share a port.
const spreads = false

// share is not asked for where one socket has the port alone.
func share(string, string, syscall.RawConn) error { return syscall.ENOTSUP }

// enlarge asks for a receive buffer and returns how large it is, as far as is known.
func enlarge(c *net.UDPConn, size int) int {
	if c.SetReadBuffer(size) != nil {
		return 0
	}
	return size
}
