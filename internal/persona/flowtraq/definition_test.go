package flowtraq

import (
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/define"
)

// What a definition says is what the message of its alerts says: FlowTraq's words for every metric of every entity.
func TestWordsOfDefinitions(t *testing.T) {
	entities := map[string]string{"host": "address", "host pair": "host pair", "port": "port", "country": "country"}
	told := 0
	for _, metric := range define.Metrics() {
		for _, entity := range define.Entities() {
			for _, below := range []bool{false, true} {
				d := define.Definition{Title: "t", Metric: metric, Entity: entity, Below: below, Limit: 10, Over: time.Hour, Severity: alert.High}
				r, err := d.Rule()
				if err != nil {
					continue // it has no meaning, which is for package define to test
				}
				told++
				bound := map[bool]string{false: "Upper", true: "Lower"}[below]
				if w, ok := word(&r); !ok || w.metric != metric || w.entity != entities[entity] || w.bound != bound {
					t.Errorf("%s of %s: told as %+v, %v", metric, entity, w, ok)
				}
			}
		}
	}
	if want := 2 * (14*4 - 3); told != want {
		t.Errorf("%d combinations have a meaning, want %d", told, want)
	}
}
