package desk

import (
	"testing"
	"time"
	_ "time/tzdata" // the machine of a test need not have the zones
)

func TestZoneName(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	winter := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name       string
		local      *time.Location
		candidates []string
		want       string
	}{
		{"named", berlin, []string{"Europe/Berlin"}, "Europe/Berlin"},
		{"path", berlin, []string{"/usr/share/zoneinfo/Europe/Berlin"}, "Europe/Berlin"},
		{"utc", time.UTC, []string{"", "UTC"}, "UTC"},
		{"a name that is not that of the clock", berlin, []string{"Africa/Lagos", "UTC"}, "+01:00"}, // alike in winter only
		{"foul", berlin, []string{"", "Local", "../../etc/passwd", "zoneinfo/"}, "+01:00"},
		{"fixed", time.FixedZone("", -3*3600-1800), nil, "-03:30"},
	} {
		if got := zoneName(c.local, winter, c.candidates); got != c.want {
			t.Errorf("%s: zoneName = %q, want %q", c.name, got, c.want)
		}
	}
}
