package absence

import (
	"testing"
	"time"

	"tocsin/internal/detector/detectortest"
)

func TestNothingIsLeftOfTheFlooded(t *testing.T) {
	c := Config{By: []string{"source.port"}, Idle: time.Hour, Forget: 24 * time.Hour, Memory: 1}
	made, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := made.(*watch) //nolint:forcetypeassert // it is of this package
	detectortest.Flood(t, d, d.due.Len)
}
