//go:build !linux

package httpapi

import "net"

// isOwner trusts the mode of the socket file and of its directory, which let no other user connect.
func isOwner(*net.UnixConn) bool { return true }
