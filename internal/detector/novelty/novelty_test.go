package novelty

import (
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/internal/detector"
	"tocsin/internal/detector/detectortest"
	"tocsin/internal/document"
)

func TestCases(t *testing.T) { detectortest.Run(t, Default) }

func TestSample(t *testing.T) {
	detectortest.Sample(t, Sample, Default, "by", "known", "learn", "forget", "again", "end_after", "memory")
}

func config(t testing.TB, text string) detector.Config {
	c := Default()
	if err := document.Decode("test", []byte(text), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProperties(t *testing.T) {
	for _, text := range []string{
		"{by: [source.ip], learn: off}",
		"{by: [source.ip, destination.port], learn: 10m, end_after: 10m}",
		"{by: [source.ip, destination.port], learn: 1h, forget: 1d, again: daily, end_after: 12h}",
		"{by: [source.ip], known: devices, learn: 30s}",
		"{by: [destination.port], known: [1, 2, 3], learn: 2m, again: daily}",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			detectortest.Properties(t, config(t, text), func(r *rand.Rand) []detectortest.Event {
				events := detectortest.Draw(r, 300)
				for i := range events { // days apart now and then
					events[i].Time += int64(i/60) * int64(dayLength) * int64(1+i%2)
				}
				return events
			})
		})
	}
}

func TestKnownLists(t *testing.T) {
	files := fstest.MapFS{"lists/devices.txt": {Data: []byte("10.0.0.1\nnonsense\n")}}
	for name, want := range map[string]string{"devices": "line 2", "absent": "list absent"} {
		_, err := config(t, "{by: [source.ip], known: "+name+"}").New(files)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New with list %s: got %v, want an error with %q", name, err, want)
		}
	}
	err := document.Decode("rule.yaml", []byte("by: [source.ip]\nknown:\n- 10.0.0.1\n- 10.0.0.300\n"), Default())
	if err == nil || !strings.Contains(err.Error(), "rule.yaml:4") {
		t.Errorf("Decode of a foul entry: got %v, want one in rule.yaml:4", err)
	}
}

func FuzzLoad(f *testing.F) {
	detectortest.FuzzLoad(f, config(f, "{by: [source.ip], learn: 1m}"), config(f, "{by: [source.ip], learn: off, forget: 1d, again: daily}"))
}
