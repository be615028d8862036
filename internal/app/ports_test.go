package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/watch"
)

// TestPortsOf: interfaces without names are not watched, and of those of one number what is worst counts.
func TestPortsOf(t *testing.T) {
	of := func(index uint32, admin, state string, in, out float64) api.Interface {
		return api.Interface{Exporter: "192.0.2.1", Index: index, Admin: admin, State: state, Over: 20, In: api.InterfaceSide{Utilisation: &in}, Out: api.InterfaceSide{Utilisation: &out}}
	}
	unheard := api.Interface{Exporter: "192.0.2.1", Index: 6, Admin: "up", State: "down"}
	got := portsOf([]api.Interface{
		of(1, "up", "up", 99, 99), of(2, "up", "up", 5, 95), of(3, "up", "down", 0, 0), of(4, "down", "down", 0, 0), of(5, "up", "up", 7, 3), of(5, "up", "down", 8, 0),
		of(5, "up", "up", 2, 1), unheard, of(7, "up", "unknown", 0, 0),
	}, map[uint32]bool{2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true})
	want := []watch.Port{
		{Key: "192.0.2.1#2", Used: 95, Way: "out", Up: true}, {Key: "192.0.2.1#3", Way: "in", Down: true}, {Key: "192.0.2.1#4", Way: "in"},
		{Key: "192.0.2.1#5", Used: 8, Way: "in", Down: true}, {Key: "192.0.2.1#6", Used: -1}, {Key: "192.0.2.1#7", Way: "in"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
