package desk

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// TestInterfacesOf: an exporter is found by any spelling of its address, and what a limit leaves out is counted.
func TestInterfacesOf(t *testing.T) {
	d := &Desk{parts: Parts{
		Exporters: func() []api.Exporter { return []api.Exporter{{Address: "192.0.2.1"}, {Address: "2001:db8::1"}} },
		Interfaces: func(exporter netip.Addr) []api.Interface {
			list := []api.Interface{}
			for n := range uint32(1200) {
				list = append(list, api.Interface{Exporter: exporter.String(), Index: n})
			}
			return list
		},
	}}
	for _, c := range []struct {
		asked api.InterfaceRequest
		want  string
	}{
		{api.InterfaceRequest{}, "1000 of invalid IP and 200 more"},
		{api.InterfaceRequest{Exporter: "192.0.2.1", Limit: 7}, "7 of 192.0.2.1 and 1193 more"},
		{api.InterfaceRequest{Exporter: "::ffff:192.0.2.1", Limit: api.MostInterfaces}, "1200 of 192.0.2.1 and 0 more"},
		{api.InterfaceRequest{Exporter: "2001:DB8:0::1"}, "1000 of 2001:db8::1 and 200 more"},
	} {
		a, err := d.Interfaces(t.Context(), c.asked)
		if err != nil {
			t.Fatalf("Interfaces(%+v): %v", c.asked, err)
		}
		if got := fmt.Sprintf("%d of %s and %d more", len(a.Interfaces), a.Interfaces[0].Exporter, a.More); got != c.want {
			t.Errorf("Interfaces(%+v) = %s, want %s", c.asked, got, c.want)
		}
	}
	for _, exporter := range []string{"192.0.2.2", "core", "192.0.2.1%eth0.1", " "} {
		if _, err := d.Interfaces(t.Context(), api.InterfaceRequest{Exporter: exporter}); !errors.Is(err, fault.NotFound) {
			t.Errorf("Interfaces of %q: %v, want fault.NotFound", exporter, err)
		}
	}
}
