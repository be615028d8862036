package config_test

import (
	"testing"

	"tocsin/internal/config"
)

// A link that leads nowhere for whoever reads it elsewhere is worse than none.
func TestPageURL(t *testing.T) {
	for _, c := range []struct{ url, address, machine, want string }{
		{"https://tocsin.example.org", "127.0.0.1:8400", "gate", "https://tocsin.example.org"},
		{"https://tocsin.example.org/", "", "", "https://tocsin.example.org"},
		{"off", "192.0.2.1:8400", "gate", ""},
		{"", "192.0.2.1:8400", "gate", "http://192.0.2.1:8400"},
		{"", "[2001:db8::1]:8400", "gate", "http://[2001:db8::1]:8400"},
		{"", "0.0.0.0:8400", "gate", "http://gate:8400"},
		{"", "[::]:8400", "gate", "http://gate:8400"},
		{"", "[::]:8400", "", ""},
		{"", "127.0.0.1:8400", "gate", ""},
		{"", "[::1]:8400", "gate", ""},
		{"", "nonsense", "gate", ""},
	} {
		if got := (config.HTTP{URL: c.url}).PageURL(c.address, c.machine); got != c.want {
			t.Errorf("PageURL(%q, %q) with url %q = %q, want %q", c.address, c.machine, c.url, got, c.want)
		}
	}
}

func TestURLMustBeThatOfAHost(t *testing.T) {
	h := config.Default().HTTP
	for _, bad := range []string{"tocsin.example.org", "ftp://a", "https://", "https://a/tocsin", "https://a?x", "https://u:p@a", "https://a#b", "javascript:alert(1)", "//a", "https://a b"} {
		h.URL = bad
		if err := h.Validate(); err == nil {
			t.Errorf("url %q is taken", bad)
		}
	}
	for _, good := range []string{"", "off", "http://a", "https://a:8443/", "https://[2001:db8::1]:1"} {
		h.URL = good
		if err := h.Validate(); err != nil {
			t.Errorf("url %q: %v", good, err)
		}
	}
}
