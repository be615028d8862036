package files_test

import (
	"os"
	"strings"
	"testing"

	"tocsin/internal/source/files"
)

// A compressed file that ends early is read as far as it goes, and named; the files beside it are not held up.
func TestCutArchive(t *testing.T) {
	r := newRig(t)
	packed := pack(t, strings.Repeat("a line that is in the file\n", 100_000))
	r.write("cut.log.gz", packed[:len(packed)/2])
	r.write("foul.log.gz", "\x1f\x8bnothing of the kind")
	r.write("good.log.gz", pack(t, "good\nno end"))
	r.start(files.Options{Paths: []string{"*.log.gz"}})
	r.await("what could be read, and the complaints", func() bool {
		return len(r.journal.has()) > 10_000 && r.said("the data ends early") && r.said("foul.log.gz")
	})
	r.await("the good file", func() bool {
		has := strings.Join(r.journal.has(), "\n")
		return strings.Contains(has, "good\nno end")
	})
	if _, err := os.Stat(r.path("cut.log.gz")); err != nil {
		t.Error(err)
	}
}
