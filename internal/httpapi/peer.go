package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// A peer is who is at the other end of a connection.
type peer struct {
	owner bool       // it came over the socket, from a process of the owner of this one or of root
	addr  netip.Addr // of TCP
}

type peerKey struct{}

// withPeer notes who is at the other end when a connection is made.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	p := peer{}
	switch c := conn.(type) {
	case *net.UnixConn:
		p.owner = isOwner(c)
	default:
		if a, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
			p.addr = a.Addr().Unmap()
		}
	}
	return context.WithValue(ctx, peerKey{}, p)
}

func peerOf(r *http.Request) peer {
	p, _ := r.Context().Value(peerKey{}).(peer)
	return p
}

// near reports whether the request comes from this very machine. What a proxy hands on does not.
func (p peer) near(r *http.Request) bool {
	return p.owner || p.addr.IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

// block is the part of the address that one subscriber has: all of an IPv4 address, 64 bits of an IPv6 one.
func (p peer) block() string {
	if p.addr.Is6() {
		if prefix, err := p.addr.WithZone("").Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return p.addr.String()
}
