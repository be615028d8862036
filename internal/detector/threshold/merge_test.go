package threshold

import (
	"bytes"
	"testing"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/detector/detectortest"
)

// However much waits in detectors that are merged, the state of what they become is read again.
func TestManyLastingAreMerged(t *testing.T) {
	c := Config{Metric: "count", By: []string{"flow.client"}, Over: time.Second, AtLeast: num(1e6), Memory: 64}
	made := func() detector.Detector {
		d, err := c.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	noon := int64(1_700_000_000) * 1e9
	all := made()
	for n := range 3 {
		part := made()
		records := make([]record, 600)
		for i := range records {
			end := noon + int64(n*len(records)+i)
			records[i] = record{start: end - 5e9, end: end, source: 1, destination: 2, port: 443, bytes: 1, session: uint64(n*len(records) + i + 1)}
		}
		b := flowBatch(records)
		part.Fold(b, detectortest.AllRows(b))
		if err := all.Merge(part); err != nil {
			t.Fatal(err)
		}
	}
	var state bytes.Buffer
	if err := all.Save(&state); err != nil {
		t.Fatal(err)
	}
	if err := made().Load(&state); err != nil {
		t.Error(err)
	}
}
