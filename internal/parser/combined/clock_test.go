package combined

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/instant"
)

// Whatever came before, a time is read as if it were the first: good ones, and some with one byte wrong.
func TestClockForgetsNothingButSeconds(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		old := clock{zone: instant.NewZone(berlin)}
		for range rapid.IntRange(1, 20).Draw(t, "times") {
			text := []byte(fmt.Sprintf("%02d/%s/2024:02:%02d:%02d", rapid.IntRange(29, 32).Draw(t, "day"), rapid.SampledFrom([]string{"Mar", "Oct"}).Draw(t, "month"),
				rapid.IntRange(58, 60).Draw(t, "minute"), rapid.IntRange(0, 61).Draw(t, "second")))
			text = append(text, rapid.SampledFrom([]string{" +0000]", " +0100]", " -0730]", "]", ""}).Draw(t, "zone")...)
			if rapid.IntRange(0, 3).Draw(t, "damage") == 0 && len(text) > 0 {
				text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("0 :]a/")).Draw(t, "byte")
			}
			fresh := clock{zone: instant.NewZone(berlin)}
			at, zone, n := old.read(text)
			wantAt, wantZone, wantN := fresh.read(text)
			if at != wantAt || string(zone) != string(wantZone) || n != wantN {
				t.Fatalf("read(%q) = %d, %q, %d, want %d, %q, %d", text, at, zone, n, wantAt, wantZone, wantN)
			}
		}
	})
}
