package notifiertest

import (
	"net"
	"strconv"
	"testing"
)

// A port that was chosen is nobody else's until the test ends, though nothing listens there yet: not that of one who chooses in this
// process, nor of one in another, who would find it free.
func TestFreeIsHeld(t *testing.T) {
	port := strconv.Itoa(Free(t, "tcp"))
	if l, err := net.Listen("tcp", net.JoinHostPort(reserved, port)); err == nil {
		l.Close()
		t.Errorf("port %s is not held at %s", port, reserved)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatalf("port %s is not free for who chose it: %v", port, err)
	}
	l.Close()
	if c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
		c.Close()
		t.Errorf("somebody answers at port %s", port)
	}
	if again := Free(t, "udp"); again == 0 {
		t.Error("no port of UDP")
	}
}
