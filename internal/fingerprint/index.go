package fingerprint

import (
	"strconv"
	"strings"
	"sync"
)

// An Index knows how far each source was read, by its name, and finds files by their content too. The zero Index is empty
// and ready. Any number of goroutines may use it.
type Index struct {
	mu      sync.Mutex
	to      map[string]int64
	content map[string][]string // names of the files with the same head
}

// Add notes that a source was read up to an offset. A smaller offset than one noted before changes nothing.
func (x *Index) Add(id string, to int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.to == nil {
		x.to, x.content = map[string]int64{}, map[string][]string{}
	}
	old, known := x.to[id]
	if known && old >= to {
		return
	}
	x.to[id] = to
	if known || !strings.HasPrefix(id, "file:") {
		return
	}
	if p, err := Parse(id); err == nil {
		key := p.content().String()
		x.content[key] = append(x.content[key], id)
	}
}

// Reset forgets everything.
func (x *Index) Reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.to, x.content = nil, nil
}

// Resume returns the offset up to which a source was read; false when it is not known. The name may be
//
//   - that of a source, such as a Print. Generations below the newest one are known too, as 0 when they were forgotten.
//   - a Print without device and inode: the largest offset of any file of this content.
//   - the same with @SIZE behind it: the largest of those offsets that are not beyond SIZE.
func (x *Index) Resume(id string) (to int64, known bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if to, known = x.to[id]; known {
		return to, true
	}
	text, limit, limited := strings.Cut(id, "@")
	p, err := Parse(text)
	if err != nil {
		return 0, false
	}
	most := int64(1<<63 - 1)
	if limited {
		if most, err = strconv.ParseInt(limit, 10, 64); err != nil {
			return 0, false
		}
	}
	for _, other := range x.content[p.content().String()] {
		at := x.to[other]
		switch {
		case p.Device|p.Inode == 0:
			if at <= most && (!known || at > to) {
				to, known = at, true
			}
		case newer(other, p):
			known = true
		}
	}
	return to, known
}

// newer reports whether id names the same file as p in a later generation.
func newer(id string, p Print) bool {
	q, err := Parse(id)
	return err == nil && q.Device == p.Device && q.Inode == p.Inode && q.Generation > p.Generation
}
