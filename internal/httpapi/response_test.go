package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/sync/semaphore"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
)

// A long list is written as a short one is.
func TestLongListsAreEncodedAsShortOnes(t *testing.T) {
	for _, n := range []int{0, 1, elementsOfPiece - 1, elementsOfPiece, elementsOfPiece + 1, 2 * elementsOfPiece, 7*elementsOfPiece - 1} {
		list := make([]alert.Alert, n)
		for i := range list {
			list[i] = alert.Alert{ID: int64(i), Severity: alert.Low, Title: fmt.Sprint("<b>,]", i), Samples: []json.RawMessage{json.RawMessage(`{"a":[1]}`)}}
		}
		want, err := json.Marshal(withoutNull(list))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := encode(withoutNull(list)); err != nil || !bytes.Equal(bytes.Join(got, nil), want) {
			t.Errorf("a list of %d is written in another way, %v", n, err)
		}
	}
	wrong := make([]alert.Alert, 3*elementsOfPiece)
	wrong[2*elementsOfPiece].Samples = []json.RawMessage{json.RawMessage(`{`)}
	if _, err := encode(wrong); err == nil {
		t.Error("a list that cannot be written is written")
	}
}

// A taker takes an answer when it is let, and notes how much it is given at once.
type taker struct {
	http.ResponseWriter
	begun, goOn chan struct{}
	most, all   int
}

func (t *taker) Write(p []byte) (int, error) {
	if t.all == 0 {
		close(t.begun)
		<-t.goOn
	}
	t.most, t.all = max(t.most, len(p)), t.all+len(p)
	return len(p), nil
}

// Answers that nobody takes do not fill the memory: beyond the bound large ones are refused, small ones are not, until some are taken.
// Each is given out in parts, so that the time limit of a write asks for progress, not for all of a long answer.
func TestLargeAnswersThatAreNotTaken(t *testing.T) {
	sending := semaphore.NewWeighted(3 * freely)
	large := strings.Repeat("x", 2*freely)
	slow := &taker{ResponseWriter: httptest.NewRecorder(), begun: make(chan struct{}), goOn: make(chan struct{})}
	ended := make(chan error)
	go func() { ended <- newResponse(slow, sending).answer(large) }()
	<-slow.begun

	refused := httptest.NewRecorder()
	err := newResponse(refused, sending).answer(large)
	if fault.Kind(err) != fault.Unavailable || !strings.Contains(err.Error(), "the answer has 2 MiB") || refused.Body.Len() != 0 {
		t.Errorf("a second large answer = %v and %d bytes, want it refused", err, refused.Body.Len())
	}
	small := httptest.NewRecorder()
	if err := newResponse(small, sending).answer("ok"); err != nil || small.Body.String() != "\"ok\"\n" {
		t.Errorf("a small answer = %v, %q", err, small.Body)
	}
	close(slow.goOn)
	if err := <-ended; err != nil || slow.all != len(large)+len("\"\"\n") || slow.most > writtenAtOnce {
		t.Errorf("the first = %v, %d bytes, %d at once; want %d and at most %d", err, slow.all, slow.most, len(large)+3, writtenAtOnce)
	}
	again := httptest.NewRecorder()
	if err := newResponse(again, sending).answer(large); err != nil || again.Body.Len() != slow.all {
		t.Errorf("when the first was taken = %v, %d bytes", err, again.Body.Len())
	}
}
