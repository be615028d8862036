package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"tocsin/internal/alert"
)

// A long list is written as a short one is.
func TestLongListsAreEncodedAsShortOnes(t *testing.T) {
	for _, n := range []int{0, 1, manyElements - 1, manyElements, manyElements + 1, 3 * manyElements} {
		list := make([]alert.Alert, n)
		for i := range list {
			list[i] = alert.Alert{ID: int64(i), Severity: alert.Low, Title: fmt.Sprint("<b>,]", i), Samples: []json.RawMessage{json.RawMessage(`{"a":[1]}`)}}
		}
		want, err := json.Marshal(withoutNull(list))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := encode(withoutNull(list)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("a list of %d is written in another way, %v", n, err)
		}
	}
	wrong := make([]alert.Alert, manyElements)
	wrong[manyElements-1].Samples = []json.RawMessage{json.RawMessage(`{`)}
	if _, err := encode(wrong); err == nil {
		t.Error("a list that cannot be written is written")
	}
}
