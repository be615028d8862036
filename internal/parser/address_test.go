package parser_test

import (
	"net/netip"
	"testing"

	"tocsin/internal/parser"
)

var addresses = []string{
	"", ":", "::", ":::", "::1", "1::", "1:2", "1.2.3.4", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "0.0.0.0", "1.2.3.4 ",
	"::ffff:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
	"::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1::2::3", "fe80::1%eth0", "fe80::1%", "12345::", "g::", "2001:db8::A",
	"1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::1.2.3.4:5", "1.2.3.4::", "-", "localhost", "1..2.3",
}

// FuzzAddress holds Address to net/netip, which reads the same forms.
func FuzzAddress(f *testing.F) {
	for _, a := range addresses {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 80 || len(text) < 2 || text[0] == '[' {
			return
		}
		want, err := netip.ParseAddr(text)
		got, ok := parser.Address([]byte(text))
		if ok != (err == nil) || ok && got != want.As16() {
			t.Errorf("Address(%q) = %v, %v, netip says %v, %v", text, got, ok, want, err)
		}
	})
}

func TestAddressInBrackets(t *testing.T) {
	got, ok := parser.Address([]byte("[::1]"))
	if want := netip.MustParseAddr("::1").As16(); !ok || got != want {
		t.Errorf("Address([::1]) = %v, %v, want %v", got, ok, want)
	}
}
