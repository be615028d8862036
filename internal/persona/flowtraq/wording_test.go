package flowtraq

import (
	"testing"

	"tocsin/internal/detector"
	"tocsin/internal/detector/novelty"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/rule"
)

func TestWord(t *testing.T) {
	const none = ""
	for _, c := range []struct{ from, detect, want string }{
		{"flow", "threshold: {metric: count, by: [source.ip], above: 10}", "Upper: sessions initiated for address"},
		{"flow", "threshold: {metric: count, by: [destination.ip], at_least: 10}", "Upper: sessions accepted for address"},
		{"flow", "threshold: {metric: sum(source.bytes), by: [source.ip], above: 1}", "Upper: bytes sent for address"},
		{"flow", "threshold: {metric: sum(destination.bytes), by: [source.ip], above: 1}", "Upper: bytes received for address"},
		{"flow", "threshold: {metric: sum(source.bytes), by: [destination.ip], above: 1}", "Upper: bytes received for address"},
		{"flow", "threshold: {metric: sum(destination.packets), by: [destination.port], below: 1}", "Lower: packets sent for port"},
		{"flow", "threshold: {metric: sum(network.bytes), by: [source.ip, destination.ip], at_most: 1}", "Lower: bytes for host pair"},
		{"flow", "threshold: {metric: sum(source.packets), by: [source.geo.country_iso_code], above: 1}", "Upper: packets sent for country"},
		{"flow", "threshold: {metric: distinct(destination.ip), by: [source.ip], above: 100}", "Upper: unique hosts for address"},
		{"flow", "threshold: {metric: distinct( destination.port ), by: [source.ip], above: 100}", "Upper: unique ports for address"},
		{"flow", "threshold: {metric: sum(source.bytes), by: [source.ip, destination.ip], above: 1}", none}, // whose bytes, of the pair?
		{"flow", "threshold: {metric: sum(flow.sent.bytes), by: [flow.host], above: 1}", "Upper: bytes sent for address"},
		{"flow", "threshold: {metric: sum(flow.received.packets), by: [flow.host], below: 1}", "Lower: packets received for address"},
		{"flow", "threshold: {metric: sum(flow.sent.bytes), unit: bits, by: [flow.host], above: 1}", "Upper: bits sent for address"},
		{"flow", "threshold: {metric: sum(flow.received.bytes), unit: bits, by: [flow.port], above: 1}", "Upper: bits received for port"},
		{"flow", "threshold: {metric: distinct(flow.initiated), by: [flow.host], above: 1}", "Upper: sessions initiated for address"},
		{"flow", "threshold: {metric: distinct(flow.accepted), by: [flow.country], above: 1}", "Upper: sessions accepted for country"},
		{"flow", "threshold: {metric: distinct(flow.target), by: [flow.host], above: 1}", "Upper: unique hosts for address"},
		{"flow", "threshold: {metric: distinct(flow.target.port), by: [flow.host], above: 1}", "Upper: unique ports for address"},
		{"flow", "threshold: {metric: distinct(flow.port), by: [flow.pair], above: 1}", "Upper: unique ports for host pair"},
		{"flow", "threshold: {metric: sum(flow.sent.bytes), by: [flow.pair], above: 1}", "Upper: bytes sent for host pair"},
		{"flow", "threshold: {metric: distinct(flow.client), by: [flow.port], above: 1}", "Upper: unique hosts for port"},
		{"flow", "threshold: {metric: distinct(flow.host), by: [flow.country], above: 1}", "Upper: unique hosts for country"},
		{"flow", "threshold: {metric: sum(source.bytes), by: [flow.host], above: 1}", "Upper: bytes for address"},
		{"flow", "threshold: {metric: sum(flow.sent.bytes), by: [flow.host, network.transport], above: 1}", none},
		{"flow", "threshold: {metric: distinct(flow.peer), by: [flow.host], above: 1}", "Upper: unique hosts for address"},
		{"flow", "threshold: {metric: max(network.bytes), by: [source.ip], above: 1}", none},
		{"flow", "threshold: {metric: count(source.bytes), by: [source.ip], above: 1}", none},
		{"flow", "threshold: {metric: count, by: [host.name], above: 1}", none},
		{"flow", "threshold: {metric: count, above: 1}", none},
		{"flow", "novelty: {by: [source.ip]}", none},
		{"log", "threshold: {metric: count, by: [source.ip], above: 10}", none},
		{"[flow, log]", "threshold: {metric: count, by: [source.ip], above: 10}", none},
	} {
		text := "name: r\nfrom: " + c.from + "\ndetect: {" + c.detect + "}\nseverity: LOW\n"
		read, err := rule.Decode("test", []byte(text), detector.Set{"threshold": threshold.Default, "novelty": novelty.Default})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := none
		if w, ok := word(&read[0]); ok {
			got = w.bound + ": " + w.metric + " for " + w.entity
		}
		if got != c.want {
			t.Errorf("%s of %s: got %q, want %q", c.detect, c.from, got, c.want)
		}
	}
}
