package threshold

import "slices"

// blocks hands out room for lists. Most entities are seen a few times, so that there are millions of very short lists: their room is
// cut from large pages, which costs neither an allocation each nor the garbage collector a look at each, and what is given
// back is used again for lists of that size. Longer lists have memory of their own.
type blocks[T any] struct {
	page []T // what is left of it
	size int // of the page made last
	free [len(blockSizes)][][]T
	held int // elements for which there is room, in all pages and in longer lists
}

// blockSizes are how many elements there is room for in the lists cut from pages. They are few and small, as a page is kept even if
// all that is wanted later is longer.
var blockSizes = [...]int{1, 2, 4}

const (
	firstPage = 64
	largePage = 4096
)

// grown returns a list with the elements of old and room for so many more. old is not to be used any more.
func (b *blocks[T]) grown(old []T, more int) []T {
	need := len(old) + more
	if need <= cap(old) {
		return old
	}
	var list []T
	if class := slices.IndexFunc(blockSizes[:], func(size int) bool { return size >= need }); class >= 0 {
		list = append(b.take(class), old...)
	} else {
		list = slices.Grow(old, more)
		b.held += cap(list)
	}
	b.release(old)
	return list
}

func (b *blocks[T]) take(class int) []T {
	if n := len(b.free[class]); n > 0 {
		list := b.free[class][n-1]
		b.free[class] = b.free[class][:n-1]
		return list
	}
	size := blockSizes[class]
	if len(b.page) < size { // what is left of the old one is given up
		b.size = min(max(2*b.size, firstPage), largePage)
		b.page = make([]T, b.size)
		b.held += b.size
	}
	list := b.page[:0:size]
	b.page = b.page[size:]
	return list
}

// release gives the room of a list back.
func (b *blocks[T]) release(list []T) {
	if class := slices.Index(blockSizes[:], cap(list)); class >= 0 {
		b.free[class] = append(b.free[class], list[:0])
	} else {
		b.held -= cap(list)
	}
}
