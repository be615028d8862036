package flows

import (
	"net"
	"syscall"
)

// spreads says that the system spreads datagrams over sockets that share a port, those of one sender to the same one.
const spreads = true

// Options of sockets that package syscall does not name on every architecture (socket(7)).
const (
	soReusePort    = 15
	soRcvBufForce  = 33
	halfForHeaders = 2 // the kernel doubles what is asked for, for its own needs
)

// share lets several sockets have one port.
func share(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort, 1) //nolint:gosec // descriptors are small
	})
	if err != nil {
		return err
	}
	return failed
}

// enlarge asks for a receive buffer and returns how large it is. Beyond net.core.rmem_max it takes a privilege.
func enlarge(c *net.UDPConn, size int) (got int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	err = raw.Control(func(fd uintptr) {
		s := int(fd) //nolint:gosec // descriptors are small
		if syscall.SetsockoptInt(s, syscall.SOL_SOCKET, soRcvBufForce, size) != nil {
			_ = syscall.SetsockoptInt(s, syscall.SOL_SOCKET, syscall.SO_RCVBUF, size) // what it is then, is asked for next
		}
		got, err = syscall.GetsockoptInt(s, syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	if err != nil {
		return 0
	}
	return got / halfForHeaders
}
