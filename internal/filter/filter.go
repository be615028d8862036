package filter

import "tocsin/internal/event"

// A Filter selects rows of batches. It is used by one goroutine at a time; Clone makes another one.
type Filter struct {
	set *Set
}

// Compile turns an expression into a filter; a nil one selects everything.
func Compile(e *Expr) *Filter { return &Filter{set: NewSet([]*Expr{e})} }

// Clone returns a filter of its own for another goroutine.
func (f *Filter) Clone() *Filter { return &Filter{set: f.set.Clone()} }

// Select appends the numbers of the selected rows to dst, in order.
func (f *Filter) Select(b *event.Batch, dst []int32) []int32 {
	s := f.set
	if first := s.rules[0].first; first != nil && first.kind == always {
		for row := range int32(b.Rows) {
			dst = append(dst, row)
		}
		return dst
	}
	s.begin(b)
	for from := 0; from < b.Rows; from += chunkRows {
		s.evaluate(b, from)
		dst = s.result(0, dst)
	}
	return dst
}
