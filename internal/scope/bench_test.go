package scope

import (
	"encoding/json"
	"testing"

	"tocsin/internal/alert"
)

// BenchmarkAlert is what it costs to tell whether one alert with three samples may be seen.
func BenchmarkAlert(b *testing.B) {
	s, err := Compile(`source.ip in cidr("10.0.0.0/8") || user.name == "deputy"`)
	if err != nil {
		b.Fatal(err)
	}
	sample := json.RawMessage(`{"@timestamp":"2026-03-04T12:00:00Z","event.ingested":"2026-03-04T12:00:01Z","message":"Failed password for root from 10.0.0.1","source.ip":"10.0.0.1","user.name":"root","host.name":"web1","log.level":"info","labels.tenant":"a"}`)
	a := &alert.Alert{Entity: alert.Entity{{Field: "source.ip", Value: "10.0.0.1"}}, Samples: []json.RawMessage{sample, sample, sample}}
	for b.Loop() {
		if !s.Alert(a) {
			b.Fatal("the alert is not within")
		}
	}
}
