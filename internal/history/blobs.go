package history

import (
	"bytes"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/bloom"

	"tocsin/internal/event"
)

// blob reads and checks bytes that no page holds. They are the caller's.
func (r *reader) blob(ref blobRef) ([]byte, error) {
	raw, err := r.fetch(ref.At, ref.Size)
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(raw, castagnoli()) != ref.Sum {
		return nil, damaged("checksum of a filter")
	}
	return raw, nil
}

// bloomHas reports whether the group can hold the value; true when there is no filter.
func (r *reader) bloomHas(g *group, id event.FieldID, values [][]byte) (bool, error) {
	ref, ok := g.Blooms[id]
	if !ok {
		return true, nil
	}
	raw, err := r.blob(ref)
	if err != nil {
		return false, err
	}
	bits := raw[min(ref.Skip, len(raw)):]
	if len(bits) == 0 || len(bits)%bloom.BlockSize != 0 {
		return true, nil
	}
	set := bytes.NewReader(bits)
	for _, v := range values {
		if has, err := bloom.CheckSplitBlock(set, int64(len(bits)), bloom.XXH64{}.Sum64(v)); err != nil || has {
			return true, err
		}
	}
	return false, nil
}
