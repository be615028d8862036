package flows

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/document"
	"tocsin/internal/flow"
	"tocsin/internal/flow/sflow"
)

// Bounds of what is told of exporters.
const (
	lately       = 10        // minutes over which losses count
	tolerated    = 100       // one lost in so many is no trouble
	fewLost      = 50        // nor are so few
	mostTroubles = 10        // exporters that are named
	silenceWord  = "silent " // begins what is told of a silent one, of which there is an alert already: package watch knows it
)

// A minute is how an exporter did in one.
type minute struct {
	at     int64 // since 1970
	came   int64 // what its numbering counts: datagrams, or flows
	lost   int64
	unread int64 // data for which no template came
}

// note adds a datagram to the minute at hand. It is called with exporters.mu held.
func (e *exporter) note(now int64, r *flow.Report) {
	m := &e.minutes[now/60e9%lately]
	if m.at != now/60e9 {
		*m = minute{at: now / 60e9}
	}
	m.came++
	if r.Version != 9 && r.Version != sflow.Version { // these number datagrams, others flows
		m.came += int64(r.Records) - 1
	}
	m.lost += int64(r.Lost)
	m.unread += int64(r.Problems[flow.HeldTooLong]) + int64(r.Problems[flow.HeldTooMuch])
}

// Troubles tells of exporters of whom somebody must look, one line each; of those alone that were heard for ten minutes, as who
// forges the address of a sender is not to make noise. After is when one is silent; 0 is never.
func (m *Memory) Troubles(now time.Time, after time.Duration) (list []string) {
	x := m.exporters
	x.mu.Lock()
	defer x.mu.Unlock()
	more := 0
	for _, e := range slices.SortedFunc(maps.Values(x.all), func(a, b *exporter) int { return cmp.Or(cmp.Compare(a.first, b.first), a.address.Compare(b.address)) }) {
		text := ""
		if e.steady(now) {
			text = e.trouble(now, after)
		}
		switch {
		case text == "":
		case len(list) < mostTroubles:
			list = append(list, text)
		default:
			more++
		}
	}
	if more > 0 {
		list = append(list, fmt.Sprintf("exporters: %d more are in trouble (tocsin exporters lists all)", more))
	}
	return list
}

// trouble says what is wrong with an exporter; "" for nothing.
func (e *exporter) trouble(now time.Time, after time.Duration) string {
	name := "exporter " + e.address.String() + ": "
	if quiet := now.Sub(time.Unix(0, e.last)); after > 0 && quiet > after {
		return fmt.Sprintf("%s%snothing came for %s (look at the device)", silenceWord, name, document.FormatDuration(quiet.Round(time.Second)))
	}
	var sum minute
	for _, m := range e.minutes {
		if age := now.Unix()/60 - m.at; age >= 0 && age < lately {
			sum.came, sum.lost, sum.unread = sum.came+m.came, sum.lost+m.lost, sum.unread+m.unread
		}
	}
	var told []string
	if sum.lost >= fewLost && sum.lost > (sum.came+sum.lost)/tolerated {
		told = append(told, fmt.Sprintf("in ten minutes %d of %d that it numbered did not come (look at the network, and at net.core.rmem_max)", sum.lost, sum.came+sum.lost))
	}
	if sum.unread > 0 {
		told = append(told, fmt.Sprintf("in ten minutes %d pieces of data were given up because no template came (have it send templates every minute)", sum.unread))
	}
	if e.skew > tolerance || e.skew < -tolerance {
		way := "ahead"
		if e.skew < 0 {
			way = "behind"
		}
		told = append(told, fmt.Sprintf("its clock is %s %s, so its times are not used (set it by NTP)", document.FormatDuration(e.skew.Abs().Round(time.Second)), way))
	}
	if told == nil {
		return ""
	}
	return name + strings.Join(told, "; ")
}
