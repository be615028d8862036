package deviation

import (
	"math"
	"slices"

	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// measure is what was measured in one bucket, or at one instant where buckets are not laid out yet.
type measure struct {
	at   int64 // number of the bucket, or the instant
	n    int64 // rows
	v    int64 // sum or extreme
	last int64 // time of its newest row
	set  members
}

// add takes rows in.
func (m *measure) add(op metric.Op, v, n, last int64) {
	switch op {
	case metric.Distinct:
		m.set = m.set.add(mix(uint64(v)))
	case metric.Min, metric.Max:
		if m.n == 0 || op == metric.Min && v < m.v || op == metric.Max && v > m.v {
			m.v = v
		}
	default:
		m.v = min(max(m.v+v, -window.MaxAddend), window.MaxAddend)
	}
	m.n += n
	m.last = max(m.last, last)
}

// join takes what another one holds.
func (m *measure) join(op metric.Op, o measure) {
	if op == metric.Distinct {
		for _, h := range o.set {
			m.set = m.set.add(h)
		}
		m.n += o.n
		m.last = max(m.last, o.last)
		return
	}
	m.add(op, o.v, o.n, o.last)
}

// value is the number that it comes to. A bucket without rows has 0.
func (m *measure) value(op metric.Op, scale float64) float64 {
	switch {
	case m.n == 0:
		return 0
	case op == metric.Count:
		return float64(m.n)
	case op == metric.Distinct:
		return m.set.count()
	case op == metric.Avg:
		return float64(m.v) / float64(m.n) * scale
	default:
		return float64(m.v) * scale
	}
}

// members counts different values: exactly up to maxMembers of them, and beyond that by how densely the smallest of their
// hashes lie (K minimum values; Bar-Yossef et al. 2002, algorithm 1), with an error of about 3 percent. It does not depend
// on order, and joins.
type members []uint64

const maxMembers = 1024

func (s members) add(h uint64) members {
	if len(s) == maxMembers && h >= s[len(s)-1] {
		return s
	}
	i, there := slices.BinarySearch(s, h)
	if there {
		return s
	}
	if len(s) == maxMembers {
		s = s[:maxMembers-1]
	}
	return slices.Insert(s, i, h)
}

func (s members) count() float64 {
	if len(s) < maxMembers {
		return float64(len(s))
	}
	return math.Round((maxMembers - 1) / (float64(s[maxMembers-1]) / math.MaxUint64))
}

// mix spreads a number over all 64 bits (the finalizer of SplitMix64; Steele et al. 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// usual returns mean and population deviation.
func usual(values []float64) (mean, deviation float64) {
	if len(values) == 0 {
		return 0, 0
	}
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	deviation = math.Sqrt(deviation / float64(len(values)))
	if deviation < 1e-9*math.Abs(mean) { // equal values leave a rest of rounding
		deviation = 0
	}
	return mean, deviation
}
