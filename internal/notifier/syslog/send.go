package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"tocsin/internal/notifier"
)

// A sender sends messages; each has a connection of its own.
type sender struct {
	config Config
	tls    *tls.Config
	pid    int
}

// Bounds of one message, in bytes. RFC 5424, section 6.1, has every receiver take 480 and advises 2,048; a datagram above
// about 1,400 is cut into fragments by the network, of which one that is lost loses all.
const (
	maxDatagram = 1400
	maxStream   = 8192
)

// How long a refusal of a datagram, and the end of a stream, is waited for.
const (
	refusal = 20 * time.Millisecond
	closure = 200 * time.Millisecond
)

// Place is the host and port that are called.
func (c *Config) Place() string {
	port := c.Port
	if port == 0 {
		port = map[string]int{UDP: 514, TCP: 514, TLS: 6514}[c.Transport]
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port))
}

// Send makes one attempt.
func (s *sender) Send(ctx context.Context, n notifier.Notice) (string, error) {
	c := s.config
	if n.To != "" {
		var err error
		if c, err = c.aimed(n.To); err != nil {
			return "", fmt.Errorf("syslog for %s: %w: %w", n.User, notifier.ErrPermanent, err)
		}
	}
	text := c.format(n, s.pid)
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	answer, err := c.transmit(ctx, s.tls, text)
	if err != nil {
		return "", fmt.Errorf("syslog to %s over %s: %w%s", c.Place(), c.Transport, err, advice(err))
	}
	return answer, nil
}

func (c *Config) transmit(ctx context.Context, settings *tls.Config, text []byte) (string, error) {
	conn, err := c.dial(ctx, settings)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if c.Transport == UDP {
		return datagram(conn, text)
	}
	return stream(conn, text)
}

func (c *Config) dial(ctx context.Context, settings *tls.Config) (net.Conn, error) {
	switch c.Transport {
	case UDP:
		return c.dialer().DialContext(ctx, "udp", c.Place())
	case TLS:
		own := settings.Clone()
		own.ServerName = c.Host
		return (&tls.Dialer{NetDialer: c.dialer(), Config: own}).DialContext(ctx, "tcp", c.Place())
	}
	return c.dialer().DialContext(ctx, "tcp", c.Place())
}

// dialer connects to those addresses alone that are allowed, whatever names lead there.
func (c *Config) dialer() *net.Dialer {
	d := &net.Dialer{}
	if c.Allow != nil {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return c.Allow(at.Addr().Unmap())
		}
	}
	return d
}

// datagram sends text as one datagram. A host that has nobody listening may say so.
func datagram(conn net.Conn, text []byte) (string, error) {
	if _, err := conn.Write(text); err != nil {
		return "", err
	}
	if err := conn.SetReadDeadline(time.Now().Add(refusal)); err != nil {
		return "", err
	}
	_, err := conn.Read(make([]byte, 1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = missed(conn)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes sent; nobody confirms a datagram", len(text)), nil
}

// missed is the refusal that came and was not read: on a busy machine the time for it may be over before the first look.
func missed(conn net.Conn) error {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var code int
	var asked error
	err = raw.Control(func(fd uintptr) { code, asked = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR) })
	if err := errors.Join(err, asked); err != nil {
		return err
	}
	if code != 0 {
		return os.NewSyscallError("write", syscall.Errno(code))
	}
	return nil
}

// stream sends text with its length before it, as RFC 6587, section 3.4.1, and RFC 5425, section 4.3, have it, and closes.
// A collector that closes in turn has read it.
func stream(conn net.Conn, text []byte) (string, error) {
	if _, err := conn.Write(append(fmt.Appendf(nil, "%d ", len(text)), text...)); err != nil {
		return "", err
	}
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return "", errors.New("the connection cannot be closed for writing")
	}
	if err := half.CloseWrite(); err != nil {
		return "", err
	}
	if err := conn.SetReadDeadline(time.Now().Add(closure)); err != nil {
		return "", err
	}
	switch _, err := io.Copy(io.Discard, io.LimitReader(conn, 1<<10)); {
	case err == nil:
		return fmt.Sprintf("%d bytes sent, and the collector closed after them", len(text)), nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("%d bytes sent", len(text)), nil
	default:
		return "", err
	}
}

// advice is what someone can do about an error.
func advice(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &name):
		return " (check host)"
	case errors.As(err, &certificate):
		return " (see that the collector's certificate is valid and names host, or name its authority with ca)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return " (nothing listens there: check host, port and firewall)"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, net.ErrClosed):
		return " (no answer in time)"
	}
	return ""
}

// Preview implements notifier.Previewer.
func (s *sender) Preview(n notifier.Notice) notifier.Preview {
	return notifier.Preview{Text: string(s.config.format(n, s.pid))}
}
