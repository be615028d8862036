package detect

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"tocsin/internal/window"
)

// whole reads a snapshot as tocsin wrote them before there were sections: the states stand as texts in one state, with a checksum
// behind all of it.
func (n *restored) whole(in io.Reader) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if len(data) < sha256.Size {
		return fmt.Errorf("%w: it is %d bytes long", ErrSnapshot, len(data))
	}
	body, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return fmt.Errorf("%w: its checksum is wrong", ErrSnapshot)
	}
	s := window.NewDecoder(bytes.NewReader(body), snapshotName, 1)
	n.stand(s)
	for range s.Count(4) {
		was := saved{key: s.Text(), judged: s.Int(), panics: int(s.Uint()), disabled: s.Text(), cold: s.Uint() == 1}
		if err := n.take(&was, strings.NewReader(s.Text())); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return foul(err)
	}
	return nil
}
