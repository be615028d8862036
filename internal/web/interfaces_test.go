package web

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
)

// ports are a busy interface, one that is down and of which nothing is known, and one that is switched off.
func ports() api.Interfaces {
	return api.Interfaces{More: 7, Interfaces: []api.Interface{
		{Exporter: "192.0.2.1", ExporterName: "core " + evil, Index: 3, Name: "uplink " + evil, Label: "xe-0/0/3", Speed: 1e9, Duplex: "half", Admin: "up", State: "up", Last: time.Now(),
			In:  api.InterfaceSide{Bits: new(934.25e6), Packets: new(80_999.7), Utilisation: new(93.425), Errors: new(0.5), TotalErrors: new(uint64(12_345)), TotalDiscards: new(uint64(0))},
			Out: api.InterfaceSide{Bits: new(999.0), Packets: new(2.0), Utilisation: new(0.0001), Errors: new(0.0), TotalErrors: new(uint64(4)), TotalDiscards: new(uint64(6))}},
		{Exporter: "192.0.2.1", Index: 4, Label: evil, Admin: "up", State: "down", Agent: "192.0.2.9", Last: time.Now()},
		{Exporter: "192.0.2.1", Index: 5, Admin: "down", State: "down", Last: time.Now()},
	}}
}

func TestInterfacesPage(t *testing.T) {
	s := scene()
	s.network.exporters = []api.Exporter{{Address: "192.0.2.1", Counted: 10}, {Address: "192.0.2.2"}}
	text := page(t, s, "/flows/exporters", alice)
	holds(t, "the exporters", text, `<a href="/flows/exporters?of=192.0.2.1#interfaces">10 interfaces</a>`)
	if strings.Contains(text, "192.0.2.2#interfaces") || strings.Contains(text, "Interfaces of") || s.portsOf != (api.InterfaceRequest{}) {
		t.Error("interfaces are shown of an exporter that has none, or that nobody asked for")
	}
	s.ports = ports()
	text = page(t, s, "/flows/exporters?of=192.0.2.1", alice)
	holds(t, "the interfaces", text, "Interfaces of <bdi>core &lt;script&gt;", "3 <bdi>uplink &lt;script&gt;", "934.2 Mbit/s", count(81000), `<td class="n bad" data-of="in, of speed">93.4 %</td>`,
		`<td class="n bad" data-of="in, errors">`+count(12345)+`</td>`, `<td class="n" data-of="out, errors">4</td>`, "999 bit/s", ">1 Gbit/s<", "up</span>, half duplex",
		"4 <bdi>&lt;script&gt;", "of <bdi>192.0.2.9</bdi>", `<td data-of="state">down</td>`, `<td data-of="state">off</td>`, `<td class="n" data-of="speed"></td>`, "7 more are not shown")
	if strings.Contains(text, "xe-0/0/3") || s.portsOf.Exporter != "192.0.2.1" || s.portsOf.Limit != interfaceRows {
		t.Errorf("asked for %+v", s.portsOf)
	}
	s.ports = api.Interfaces{}
	holds(t, "none", page(t, s, "/flows/exporters?of=192.0.2.2", alice), "Interfaces of <bdi>192.0.2.2", "It tells of no interface.")
	if w := record(t, s, "/flows/exporters?of=192.0.2.99", alice); w.Code != 404 {
		t.Errorf("of one that was not heard: %d", w.Code)
	}
}
