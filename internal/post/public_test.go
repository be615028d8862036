package post

import (
	"net"
	"testing"
)

func TestPublicOnly(t *testing.T) {
	for address, want := range map[string]bool{
		"10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.1.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"::1": false, "fe80::1": false, "fd00::1": false, "::": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "192.0.2.1": false,
		"8.8.8.8": true, "2606:4700::1111": true,
	} {
		if err := publicOnly("tcp", net.JoinHostPort(address, "443"), nil); (err == nil) != want {
			t.Errorf("%s: %v, want it taken: %v", address, err, want)
		}
	}
}
