package deviation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tocsin/internal/detector"
	"tocsin/internal/detector/detectortest"
	"tocsin/internal/document"
)

func TestCases(t *testing.T) { detectortest.Run(t, Default) }

func TestSample(t *testing.T) {
	detectortest.Sample(t, Sample, Default, "metric", "by", "bucket", "baseline", "season", "zone", "weeks", "min_weeks", "z", "above_percent",
		"below_percent", "min_buckets", "min_value", "direction", "zero", "gaps", "align", "memory")
}

func config(t testing.TB, text string) detector.Config {
	c := Default()
	if err := document.Decode("test", []byte(text), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func draw(r *rand.Rand) []detectortest.Event { return detectortest.Draw(r, 400) }

func TestProperties(t *testing.T) {
	for _, text := range []string{
		"{bucket: 1m, z: 2, min_buckets: 2}",
		"{by: [source.ip], bucket: 1m, baseline: 5, z: 1.5, min_buckets: 3, direction: both}",
		"{by: [source.ip], bucket: 10s, baseline: 5, z: 1.5, min_buckets: 3, direction: down, gaps: zero}",
		"{metric: sum(destination.port), bucket: 30s, baseline: 4, z: 1, min_buckets: 2, zero: logtrack, gaps: zero}",
		"{metric: distinct(destination.port), by: [source.ip], bucket: 1m, baseline: 4, z: 1.2, min_buckets: 2}",
		"{metric: avg(destination.port), bucket: 1m, z: 1.5, min_buckets: 2, direction: both}",
		"{metric: max(http.response.bytes), by: [user.name], bucket: 1m, baseline: 4, z: 1.2, min_buckets: 2}",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			detectortest.Properties(t, config(t, text), draw)
		})
	}
	for _, text := range []string{
		"{by: [source.ip], bucket: 10s, baseline: 4, z: 1, align: newest, zero: logtrack}",
		"{metric: distinct(destination.port), bucket: 30s, baseline: 3, z: 1, align: newest}",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			detectortest.PropertiesInRetrospect(t, config(t, text), draw)
		})
	}
}

func TestMembers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 1023, 5000, 200_000} {
		values := r.Perm(n)
		var one, left, right members
		for i, v := range values {
			h := mix(uint64(v))
			one = one.add(h).add(h)
			if i%2 == 0 {
				left = left.add(h)
			} else {
				right = right.add(h)
			}
		}
		for _, h := range right {
			left = left.add(h)
		}
		if !slices.Equal(one, left) {
			t.Errorf("%d members: joined halves differ from the whole", n)
		}
		if got := one.count(); math.Abs(got-float64(n)) > 0.12*float64(n) || n < maxMembers && got != float64(n) {
			t.Errorf("count of %d members: got %v", n, got)
		}
	}
}

func TestUsual(t *testing.T) {
	for _, c := range []struct {
		values          []float64
		mean, deviation float64
	}{{nil, 0, 0}, {[]float64{0.1, 0.1, 0.1}, 0.1, 0}, {[]float64{1, 1, 1, 2, 2, 2}, 1.5, 0.5}, {[]float64{2, 4, 4, 4, 5, 5, 7, 9}, 5, 2}} {
		t.Run(fmt.Sprint(c.values), func(t *testing.T) {
			mean, deviation := usual(c.values)
			if math.Abs(mean-c.mean) > 1e-12 || deviation != c.deviation {
				t.Errorf("usual: got %v, %v, want %v, %v", mean, deviation, c.mean, c.deviation)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	detectortest.FuzzLoad(f, config(f, "{by: [source.ip], bucket: 1m, baseline: 5}"), config(f, byHour), config(f, "{metric: distinct(destination.port), align: newest, bucket: 1m, baseline: 5}"))
}

// TestNumber: nobody is to read that three billion bytes were "3.0058e+09".
func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		3_005_800_000: "3005800000", 2233190.4: "2233190", 12345.678: "12345.7", 0.5: "0.5", 0: "0", -4903440.25: "-4903440", 1e22: "1e+22",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v): got %s, want %s", v, got, want)
		}
	}
}
