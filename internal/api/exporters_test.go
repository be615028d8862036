package api

import (
	"testing"
	"time"
)

func TestClockAhead(t *testing.T) {
	for want, e := range map[string]Exporter{
		"":        {Refused: true, Skew: time.Hour, Protocols: []string{"sflow"}},
		"0s":      {Protocols: []string{"sflow"}},
		"-500ms":  {Skew: -468_589_193, Protocols: []string{"netflow5"}},
		"1m12s":   {Skew: 72*time.Second + 400*time.Millisecond, Protocols: []string{"netflow5"}},
		"-1h0m0s": {Skew: -time.Hour, Protocols: []string{"netflow9"}},
		"-1095d":  {Skew: -1095*24*time.Hour - time.Second, Protocols: []string{"netflow9"}},
		"3652d":   {Skew: 3652 * 24 * time.Hour, Protocols: []string{"ipfix"}},
	} {
		if got := e.ClockAhead(); got != want {
			t.Errorf("%v: %q, want %q", e.Skew, got, want)
		}
	}
	if got := (Exporter{Skew: time.Second}).ClockAhead(); got != "" {
		t.Errorf("of one that was never understood: %q", got)
	}
}
