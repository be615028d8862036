package sflow

import "testing"

// TestCertain: datagrams of sFlow are told from what happens to begin as they do.
func TestCertain(t *testing.T) {
	good := datagramOf(1, flowSampleOf(400, raw(1418, tcp4())), framed(counterSample, words(1, 2, 0)), framed(9<<12|1, words(1)))
	if !Certain(good) || !Certain(datagramOf(1)) {
		t.Error("sFlow is not recognised")
	}
	for n := range good {
		if Certain(good[:n]) {
			t.Fatalf("%d of %d bytes are certain", n, len(good))
		}
	}
	if Certain(append(append([]byte{}, good...), 0, 0, 0, 0)) || Certain([]byte{0, 5, 1, 0, 0, 1}) {
		t.Error("what is none is taken for sFlow")
	}
}
