package config

import (
	"strings"
	"testing"
)

// A network is written as a block or as one address, and given back as a block without what its length leaves out.
func TestNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "192.0.2.77/24": "192.0.2.0/24", "192.0.2.7": "192.0.2.7/32", "2001:db8::1": "2001:db8::1/128", "::/0": "::/0", "0.0.0.0/0": "0.0.0.0/0",
	} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if list := (Alerts{Collectors: []Network{n}}).Networks(); string(n) != want || len(list) != 1 || list[0].String() != want {
			t.Errorf("%s is %s, as network %v, want %s", text, n, list, want)
		}
	}
	for _, text := range []string{"", "x", "192.0.2.0/33", "192.0.2", "fe80::1%eth0", "fe80::1%eth0/64", "::ffff:192.0.2.0/120", "192.0.2.0/24 "} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "192.0.2.0/24") {
			t.Errorf("%q is taken: %v", text, err)
		}
	}
}
