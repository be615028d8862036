package novelty

import (
	"testing"

	"tocsin/internal/detector/detectortest"
)

func TestNothingIsLeftOfTheFlooded(t *testing.T) {
	c := config(t, "{by: [source.port], learn: off, forget: 30d, end_after: 1h, memory: 1}")
	made, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := made.(*lookout) //nolint:forcetypeassert // it is of this package
	detectortest.Flood(t, d, d.due.Len)
}
