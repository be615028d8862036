package history

import (
	"sync"

	"tocsin/internal/event"
)

// pools keep the buffers of readers and writers between uses.
type pools struct {
	readers sync.Pool
	pagers  sync.Pool
}

func newPools() (*pools, error) {
	p := &pools{}
	r, err := newReader() // the settings are constants: if one can be made, all can
	if err != nil {
		return nil, err
	}
	w, err := newPager()
	if err != nil {
		return nil, err
	}
	p.readers.Put(r)
	p.pagers.Put(w)
	return p, nil
}

func (p *pools) reader() (*reader, error) {
	if r, ok := p.readers.Get().(*reader); ok {
		return r, nil
	}
	return newReader()
}

func (p *pools) pager() (*pager, error) {
	if w, ok := p.pagers.Get().(*pager); ok {
		return w, nil
	}
	return newPager()
}

// maxKept is how large a buffer may be to be kept for the next use.
const maxKept = 8 << 20

func (p *pools) putReader(r *reader) {
	r.at(nil)
	r.spare = spare{}
	if cap(r.raw) > maxKept || cap(r.body) > maxKept {
		r.raw, r.body = nil, nil
	}
	p.readers.Put(r)
}

func (p *pools) putPager(w *pager) {
	if cap(w.raw) > maxKept || cap(w.text) > maxKept {
		w.raw, w.text, w.packed = nil, nil, nil
	}
	p.pagers.Put(w)
}

// spare are parts of columns that nobody looks at any more.
type spare struct {
	codes [][]uint32
	nums  [][]int64
}

// put takes columns of which the values of dictionaries may still be needed.
func (s *spare) put(columns []event.Column) {
	for i := range columns {
		if c := &columns[i]; c.Codes != nil {
			s.codes = append(s.codes, c.Codes)
		} else if c.Nums != nil {
			s.nums = append(s.nums, c.Nums)
		}
	}
}

// taken returns n entries, of a spare slice where there is one. They are zero if clean says so.
func taken[T uint32 | int64](list *[][]T, n int, clean bool) []T {
	last := len(*list) - 1
	if last < 0 {
		return make([]T, n)
	}
	s := (*list)[last]
	*list = (*list)[:last]
	if cap(s) < n {
		return make([]T, n)
	}
	if s = s[:n]; clean {
		clear(s)
	}
	return s
}
