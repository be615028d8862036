package detect

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

// halfway makes the engine of which testdata/states holds what every version of Snapshot made of it, and the batches that are still
// to come.
func halfway(t *testing.T) (e *Engine, next []*event.Batch) {
	t.Helper()
	e = engine(t, every)
	r := rand.New(rand.NewPCG(11, 11))
	batches := journal(r, draw(r, 400), int64(DefaultLateness))
	for _, b := range batches[:len(batches)/2] {
		e.Apply(b)
	}
	return e, batches[len(batches)/2:]
}

func engine(t testing.TB, text string) *Engine {
	t.Helper()
	e, err := New(Options{}, rules(t, text))
	if err != nil {
		t.Fatal(err)
	}
	e.Begin("one")
	return e
}

// taken returns a snapshot, and where it stands.
func taken(t testing.TB, e *Engine) ([]byte, event.Position) {
	t.Helper()
	var data bytes.Buffer
	at, err := e.Snapshot(&data)
	if err != nil {
		t.Fatal(err)
	}
	return data.Bytes(), at
}

// goOn shows the rest and returns what is found in it.
func goOn(e *Engine, next []*event.Batch) (found []alert.Finding) {
	for _, b := range next {
		found = append(found, e.Apply(b).Findings...)
	}
	last := next[len(next)-1].Times()[0]
	return bare(append(found, e.Tick(last+7200*second).Findings...))
}

// A snapshot that an earlier version took is restored, and goes on as if it had never been away. A new version adds a file; none
// is ever written anew.
func TestSnapshotsOfEarlierVersions(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			e, next := halfway(t)
			path := filepath.Join("testdata", "states", version)
			data, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) && os.Getenv("WRITE_STATE") == version {
				data, _ = taken(t, e)
				err = os.WriteFile(path, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			restored := engine(t, every)
			if lost, err := restored.Restore(bytes.NewReader(data)); err != nil || len(lost) > 0 {
				t.Fatalf("Restore: lost %v, %v", lost, err)
			}
			want, got := goOn(e, next), goOn(restored, next)
			if diff := gocmp.Diff(want, got); diff != "" || len(want) < 20 {
				t.Errorf("%d findings (-never saved +restored):\n%s", len(want), diff)
			}
		})
	}
}
