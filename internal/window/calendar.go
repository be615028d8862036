package window

import (
	"container/heap"
	"math"
)

// A Calendar remembers what is due when. Adding and taking cost the same however much it holds.
type Calendar struct {
	grain int64 // nanoseconds a page
	pages map[int64][]appointment
	order pageHeap
	spare [][]appointment
	size  int
}

type appointment struct {
	at int64
	id uint32
}

// NewCalendar returns an empty calendar whose pages are so many nanoseconds long, 1 or more.
func NewCalendar(grain int64) *Calendar {
	return &Calendar{grain: max(grain, 1), pages: map[int64][]appointment{}}
}

// Add notes that id is due at a time.
func (c *Calendar) Add(at int64, id uint32) {
	no := FloorDiv(at, c.grain)
	page, ok := c.pages[no]
	if !ok {
		heap.Push(&c.order, no)
		if n := len(c.spare); n > 0 {
			page, c.spare = c.spare[n-1], c.spare[:n-1]
		}
	}
	c.pages[no] = append(page, appointment{at, id})
	c.size++
}

// Due takes out everything due up to w and shows it to f, in no order within a page. f may add what is due after w.
func (c *Calendar) Due(w int64, f func(id uint32, at int64)) {
	last := FloorDiv(w, c.grain)
	var later []appointment
	for len(c.order) > 0 && c.order[0] <= last {
		no := heap.Pop(&c.order).(int64)
		for i := 0; i < len(c.pages[no]); i++ { //nolint:intrange // f may add to the page of w
			if a := c.pages[no][i]; a.at <= w {
				f(a.id, a.at)
			} else {
				later = append(later, a)
			}
		}
		page := c.pages[no]
		delete(c.pages, no)
		c.size -= len(page)
		if cap(page) <= 1024 && len(c.spare) < 64 {
			c.spare = append(c.spare, page[:0])
		}
	}
	for _, a := range later {
		c.Add(a.at, a.id)
	}
}

// Len returns the number of appointments.
func (c *Calendar) Len() int { return c.size }

// pageHeap has the earliest page first.
type pageHeap []int64

func (h pageHeap) Len() int           { return len(h) }
func (h pageHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h pageHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *pageHeap) Push(x any)        { *h = append(*h, x.(int64)) }
func (h *pageHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// FloorDiv divides and rounds down, also below zero. d is above 0.
func FloorDiv(n, d int64) int64 {
	q := n / d
	if n%d < 0 {
		q--
	}
	return q
}

// Later returns t + d, or the end of time where that lies beyond it. d is 0 or more.
func Later(t, d int64) int64 {
	if t > math.MaxInt64-d {
		return math.MaxInt64
	}
	return t + d
}

// Earlier returns t - d, or the beginning of time where that lies before it. d is 0 or more.
func Earlier(t, d int64) int64 {
	if t < math.MinInt64+d {
		return math.MinInt64
	}
	return t - d
}
