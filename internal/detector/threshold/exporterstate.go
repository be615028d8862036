package threshold

import (
	"math"

	"tocsin/internal/window"
)

func (d *judge) loadFeeders(s *window.Decoder, m *more) {
	n := s.Count(2)
	if n > maxFeeders {
		s.Fail("more exporters of an entity than are kept")
		return
	}
	for range n {
		f := feeder{exporter: uint16(min(s.Uint(), math.MaxUint16)), since: s.Int()}
		if int(f.exporter) >= len(d.exporters.all) {
			s.Fail("an entity of an exporter that is not there")
			return
		}
		m.fed = append(m.fed, f)
	}
	d.bytes += m.fedBytes()
}

// save writes when exporters were heard.
func (x *exporters) save(s *window.Encoder) {
	s.Uint(uint64(len(x.all)))
	for i := range x.all {
		s.Text(string(x.all[i].address[:]))
		s.Uint(uint64(len(x.all[i].heard)))
		for _, h := range x.all[i].heard {
			s.Int(h.From)
			s.Int(h.To)
		}
	}
}

func (x *exporters) load(s *window.Decoder) {
	for range s.Count(2) {
		var address [16]byte
		text := s.Text()
		copy(address[:], text)
		if _, twice := x.number[address]; len(text) != len(address) || twice || len(x.all) >= maxExporters {
			s.Fail("an exporter that cannot be")
			return
		}
		n, _ := x.of(address)
		for range s.Count(2) {
			h := window.Heard{From: s.Int(), To: s.Int()}
			if last := len(x.all[n].heard) - 1; h.To < h.From || last >= 0 && h.From <= x.all[n].heard[last].To {
				s.Fail("times of an exporter out of order")
				return
			}
			x.all[n].heard = append(x.all[n].heard, h)
		}
	}
}

// merge takes over what other exporters said, and returns their numbers here by those there; -1 where there is no room.
func (x *exporters) merge(o *exporters) []int {
	numbers := make([]int, len(o.all))
	for i := range o.all {
		n, ok := x.of(o.all[i].address)
		if numbers[i] = int(n); !ok {
			numbers[i] = -1
			continue
		}
		for _, h := range o.all[i].heard {
			x.all[n].heard = window.Hear(x.all[n].heard, h, x.gap)
		}
	}
	return numbers
}
