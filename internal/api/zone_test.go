package api

import (
	"testing"
	"time"
)

func TestHealthLocation(t *testing.T) {
	summer := time.Date(2012, 7, 11, 1, 57, 3, 0, time.UTC)
	for zone, want := range map[string]string{
		"":                "01:57",
		"UTC":             "01:57",
		"Local":           "01:57",
		"Europe/Berlin":   "03:57",
		"America/Phoenix": "18:57",
		"+05:30":          "07:27",
		"-03:00":          "22:57",
		"../etc/passwd":   "01:57",
		"Nowhere/Land":    "01:57",
	} {
		if got := summer.In(Health{Zone: zone}.Location()).Format("15:04"); got != want {
			t.Errorf("Health{Zone: %q}.Location(): 01:57 UTC is %s, want %s", zone, got, want)
		}
	}
}
