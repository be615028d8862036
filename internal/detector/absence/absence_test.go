package absence

import (
	"math/rand/v2"
	"testing"
	"time"

	"tocsin/internal/detector/detectortest"
)

func TestCases(t *testing.T) { detectortest.Run(t, Default) }

func TestSample(t *testing.T) {
	detectortest.Sample(t, Sample, Default, "by", "idle", "expect", "forget", "memory")
}

func configs() []*Config {
	return []*Config{
		{By: []string{"source.ip"}, Idle: time.Minute, Forget: time.Hour, Memory: 64},
		{By: []string{"source.ip"}, Idle: 5 * time.Minute, Forget: 10 * time.Minute, Memory: 64, Expect: []string{"10.0.0.3", "10.0.0.99"}},
		{Idle: 10 * time.Second, Forget: time.Hour, Memory: 64},
	}
}

func TestProperties(t *testing.T) {
	for _, c := range configs() {
		t.Run(c.Idle.String(), func(t *testing.T) {
			t.Parallel()
			detectortest.Properties(t, c, func(r *rand.Rand) []detectortest.Event { return detectortest.Draw(r, 300) })
		})
	}
}

func FuzzLoad(f *testing.F) { detectortest.FuzzLoad(f, configs()[0], configs()[1]) }
