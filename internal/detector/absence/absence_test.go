package absence

import (
	"math/rand/v2"
	"testing"
	"time"

	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
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

// Who is expected is missed also when nothing ever comes in.
func TestExpectedOfNothing(t *testing.T) {
	c := &Config{By: []string{"source.ip"}, Idle: time.Minute, Forget: time.Hour, Memory: 64, Expect: []string{"10.0.0.3"}}
	d, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	start := int64(1_700_000_000) * 1e9
	if got := d.Judge(event.Watermark(start)); len(got) != 0 {
		t.Errorf("Judge at the start: got %v", got)
	}
	if got := d.Judge(event.Watermark(start + 60e9)); len(got) != 1 || got[0].Time != start+60e9 {
		t.Errorf("Judge one idle later: got %v, want one finding then", got)
	}
	if got := d.Judge(event.Watermark(start + 90*24*3600e9)); len(got) != 0 {
		t.Errorf("Judge much later: got %v, want the expected one missed for ever", got)
	}
}

func FuzzLoad(f *testing.F) { detectortest.FuzzLoad(f, configs()[0], configs()[1]) }
