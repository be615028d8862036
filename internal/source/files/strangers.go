package files

import (
	"io/fs"
	"slices"
)

// A stranger is a rotated file that nothing is known of.
type stranger struct {
	path string
	key  key
	info fs.FileInfo
}

// known notes when a rotated file was written last that is known.
func (r *reader) known(info fs.FileInfo) {
	if info.ModTime().After(r.newest) {
		r.newest = info.ModTime()
	}
}

// openStrangers opens the rotated files that are newer than all that are known, and leaves the others alone. It waits until
// it is clear which of the compressed ones are known. It opens one at a time, the oldest first: were a newer one durable
// before an older one, and tocsin killed, then the older one would be taken for history. busy says that it is not done.
func (r *reader) openStrangers() (busy bool) {
	if r.unsettled || r.makingUp() {
		return true
	}
	slices.SortStableFunc(r.strangers, func(a, b stranger) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, s := range r.strangers {
		if r.newest.IsZero() || s.info.ModTime().Before(r.newest) {
			r.closed[s.key] = closed{size: s.info.Size(), modified: s.info.ModTime(), stranger: true}
			continue
		}
		if err := r.open(s.path, s.key, false); err != nil {
			r.tell(s.path, err)
			r.closed[s.key] = closed{size: s.info.Size(), modified: s.info.ModTime(), stranger: true}
			continue
		}
		if t := r.tails[s.key]; t != nil {
			t.listed, t.late = false, true
		}
		if a := r.packed[s.key]; a != nil {
			a.late = true
		}
		return true
	}
	return false
}

// makingUp reports whether a stranger is open and not yet read to its end.
func (r *reader) makingUp() bool {
	for _, t := range r.tails {
		if t.late && t.offset < t.size {
			return true
		}
	}
	for _, a := range r.packed {
		if a.late {
			return true
		}
	}
	return false
}
