package window

import (
	"container/heap"
	"math"
)

// A Calendar remembers what is due when. Adding and taking cost the same however much it holds.
type Calendar struct {
	grain int64 // nanoseconds a page
	pages map[int64]*page
	last  *page // that something was added to, which the next often is as well; nil when it was taken out
	order pageHeap
	spare [][]appointment
	size  int
	left  int // what Thin left last
}

// A page has many appointments in sheets of pageSheet, which are full but for the last one, so that none moves as more come.
type page struct {
	no   int64
	full [][]appointment
	list []appointment
}

type appointment struct {
	at int64
	id uint32
}

const (
	pageSheet = 1024
	maxSpare  = 64 // sheets that are kept for others
)

// NewCalendar returns an empty calendar whose pages are so many nanoseconds long, 1 or more.
func NewCalendar(grain int64) *Calendar {
	return &Calendar{grain: max(grain, 1), pages: map[int64]*page{}}
}

// Add notes that id is due at a time.
func (c *Calendar) Add(at int64, id uint32) {
	no := FloorDiv(at, c.grain)
	if c.last == nil || c.last.no != no {
		c.last = c.page(no)
	}
	p := c.last
	if len(p.list) == pageSheet {
		p.full = append(p.full, p.list)
		p.list = c.sheet()
		if p.list == nil {
			p.list = make([]appointment, 0, pageSheet)
		}
	}
	p.list = append(p.list, appointment{at, id})
	c.size++
}

func (c *Calendar) page(no int64) *page {
	if p, ok := c.pages[no]; ok {
		return p
	}
	p := &page{no: no, list: c.sheet()}
	c.pages[no] = p
	heap.Push(&c.order, no)
	return p
}

// sheet returns an empty one that was used before, nil when there is none.
func (c *Calendar) sheet() (list []appointment) {
	if n := len(c.spare); n > 0 {
		list, c.spare = c.spare[n-1], c.spare[:n-1]
	}
	return list
}

// Due takes out everything due up to w and shows it to f, in no order within a page. f may add what is due after w.
func (c *Calendar) Due(w int64, f func(id uint32, at int64)) {
	end := FloorDiv(w, c.grain)
	var later []appointment
	for len(c.order) > 0 && c.order[0] <= end {
		no := heap.Pop(&c.order).(int64)
		p := c.pages[no]
		for k := 0; k <= len(p.full); k++ { // f may add to the page of w
			for i := 0; i < len(p.sheet(k)); i++ { //nolint:intrange // f may add to the sheet
				if a := p.sheet(k)[i]; a.at <= w {
					f(a.id, a.at)
				} else {
					later = append(later, a)
				}
			}
		}
		delete(c.pages, no)
		if c.last == p {
			c.last = nil
		}
		for k := range len(p.full) + 1 {
			c.size -= len(p.sheet(k))
			c.keep(p.sheet(k))
		}
	}
	for _, a := range later {
		c.Add(a.at, a.id)
	}
}

// Thin leaves out what does not stand any more, when there is more than twice as much as live, the number of those who may have an
// appointment: none is taken back, and under a flood most of those who made one were given up long before it is due. It is called
// whenever some were given up, and costs no more than a part of what making the appointments did.
func (c *Calendar) Thin(live int, stands func(id uint32, at int64) bool) {
	if c.size <= 2*max(live, c.left)+pageSheet {
		return
	}
	for _, p := range c.pages {
		sheets := append(p.full, p.list) // of which the page has none for now
		p.full, p.list = nil, c.sheet()
		for _, sheet := range sheets {
			c.size -= len(sheet)
			for _, a := range sheet {
				if stands(a.id, a.at) {
					c.Add(a.at, a.id)
				}
			}
			c.keep(sheet)
		}
	}
	c.left = c.size
}

// keep keeps a sheet for others.
func (c *Calendar) keep(sheet []appointment) {
	if len(c.spare) < maxSpare {
		c.spare = append(c.spare, sheet[:0])
	}
}

// sheet returns one of those that the page has.
func (p *page) sheet(k int) []appointment {
	if k < len(p.full) {
		return p.full[k]
	}
	return p.list
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
