package deviation

import (
	"testing"

	"tocsin/internal/detector/detectortest"
)

func TestNothingIsLeftOfTheFlooded(t *testing.T) {
	c := config(t, "{by: [source.port], bucket: 1h, align: newest, memory: 1}")
	made, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := made.(*gauge) //nolint:forcetypeassert // it is of this package
	detectortest.Flood(t, d, d.quiet.Len)
}
