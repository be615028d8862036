package api

import (
	"slices"
	"testing"
)

func TestFacts(t *testing.T) {
	for _, c := range []struct {
		n    Named
		want []string
	}{
		{Named{Name: "printer", Network: "192.0.2.0/24"}, nil},
		{Named{Country: "DE"}, []string{"DE"}},
		{Named{Country: "DE", City: "Berlin", AS: 64500, Group: "office"}, []string{"Berlin in DE", "AS64500", "group office"}},
		{Named{AS: 64500, Organization: "Example Net"}, []string{"AS64500 Example Net"}},
	} {
		if got := c.n.Facts(); !slices.Equal(got, c.want) {
			t.Errorf("Facts of %+v: got %q, want %q", c.n, got, c.want)
		}
	}
}
