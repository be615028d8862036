package threshold

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tocsin/internal/detector/detectortest"
)

func num(f float64) *float64 { return &f }

func TestProperties(t *testing.T) {
	by := []string{"source.ip"}
	for i, c := range []Config{
		{Metric: "count", By: by, Over: time.Minute, AtLeast: num(10)},
		{Metric: "count", Over: 10 * time.Second, Above: num(20)},
		{Metric: "count", By: by, Over: 5 * time.Minute, Below: num(3)},
		{Metric: "count", By: []string{"user.name"}, Over: time.Minute, AtMost: num(0), EndAfter: 10 * time.Second},
		{Metric: "sum(destination.port)", By: by, Over: time.Minute, Above: num(60)},
		{Metric: "sum(http.response.bytes)", Over: time.Minute, AtMost: num(50)},
		{Metric: "avg(destination.port)", By: by, Over: time.Minute, Above: num(6)},
		{Metric: "min(destination.port)", By: by, Over: time.Minute, AtMost: num(1)},
		{Metric: "max(destination.port)", By: by, Over: 10 * time.Second, AtLeast: num(11)},
		{Metric: "distinct(destination.port)", By: by, Over: time.Minute, AtLeast: num(6), EndAfter: time.Second},
		{Metric: "distinct(destination.port)", Over: time.Minute, Above: num(9)},
		{Metric: "distinct(destination.port)", By: by, Over: time.Minute, Below: num(2)},
	} {
		c.Memory = 64
		t.Run(fmt.Sprint(i, c.Metric), func(t *testing.T) {
			t.Parallel()
			detectortest.Properties(t, &c, func(r *rand.Rand) []detectortest.Event { return detectortest.Draw(r, 300) })
		})
	}
}
