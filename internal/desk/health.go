package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/history"
	"tocsin/internal/journal"
	"tocsin/internal/ledger"
)

// A counter counts events by kind and by second over the last minute.
type counter struct {
	mu      sync.Mutex
	kinds   map[event.Kind]int64
	seconds [60]struct{ at, events int64 }
}

func (c *counter) add(kind event.Kind, events int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds = map[event.Kind]int64{}
	}
	c.kinds[kind] += int64(events)
	s := &c.seconds[now.Unix()%60]
	if s.at != now.Unix() {
		s.at, s.events = now.Unix(), 0
	}
	s.events += int64(events)
}

// rate is the mean number of events a second over the last full minute, or since start when that is less.
func (c *counter) rate(now, started time.Time) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := int64(0)
	for _, s := range c.seconds {
		if age := now.Unix() - s.at; age >= 0 && age < 60 {
			total += s.events
		}
	}
	return float64(total) / min(60, max(1, now.Sub(started).Seconds()))
}

// Took notes events that became durable.
func (d *Desk) Took(kind event.Kind, events int) { d.counter.add(kind, events, time.Now()) }

// Health implements api.Service.
func (d *Desk) Health(ctx context.Context) (api.Health, error) {
	caller, err := d.viewer(ctx)
	if errors.Is(err, fault.Denied) {
		return api.Health{}, err
	}
	bounded := err != nil || caller.bounds != nil // also where the ledger is away and cannot tell
	now := time.Now()
	h := api.Health{
		Version: d.parts.Version, Page: d.parts.Page(), Zone: zoneName(time.Local, now, zoneCandidates()), Started: d.started, Events: map[string]int64{}, Rate: d.counter.rate(now, d.started),
		Rules: len(d.parts.Rules.Running()), Sources: d.parts.Ingest.Sources(), Problems: d.parts.Problems(),
	}
	if caller.Admin && !bounded {
		h.Ledger = d.parts.Ledger.Name()
	}
	d.counter.mu.Lock()
	for kind, n := range d.counter.kinds {
		h.Events[kind.String()] = n
	}
	d.counter.mu.Unlock()
	d.journalHealth(&h)
	d.historyHealth(&h)
	if bounded {
		h.Sources = nil // their names and problems may tell of what the caller may not see
	} else if d.parts.Troubles != nil {
		h.Problems = append(h.Problems, d.parts.Troubles()...)
	}
	for _, s := range h.Sources {
		if s.Problem != "" {
			h.Problems = append(h.Problems, fmt.Sprintf("source %s: %s", s.Name, s.Problem))
		}
	}
	if h.Alerts, err = d.standing(ctx, caller, bounded); err != nil {
		h.Problems = append(h.Problems, err.Error())
	}
	slices.Sort(h.Problems)
	h.Problems = slices.Compact(h.Problems)
	h.OK, h.Ready = len(h.Problems) == 0, h.Journal.Refusing == "" && d.parts.Replayed()
	return h, nil
}

// standing counts the alerts that have not ended, of who may not see all those among the newest that he may.
func (d *Desk) standing(ctx context.Context, caller viewer, bounded bool) (n int, err error) {
	q := ledger.AlertQuery{States: []alert.State{alert.Open, alert.Acknowledged}}
	if bounded {
		open, err := d.parts.Ledger.Alerts(ctx, q)
		return len(caller.visible(open)), err
	}
	counts, err := d.parts.Ledger.CountAlerts(ctx, q)
	for _, c := range counts {
		n += int(c.Alerts)
	}
	return n, err
}

func (d *Desk) journalHealth(h *api.Health) {
	j := d.parts.Journal.Health()
	h.Journal = api.JournalHealth{Epoch: j.Epoch, Free: j.Free, Refusing: j.Refusing, Lag: j.Lag}
	for _, c := range j.Classes {
		h.Journal.Bytes += c.Bytes
		h.Journal.MaxBytes += c.MaxBytes
	}
	for _, l := range d.parts.Journal.Losses() {
		h.Journal.Lost = append(h.Journal.Lost, lossText(l))
	}
	if j.Refusing != "" {
		h.Problems = append(h.Problems, "journal: "+j.Refusing)
	}
	if n := len(h.Journal.Lost); n > 0 {
		h.Problems = append(h.Problems, fmt.Sprintf("journal: events were lost (%s)", h.Journal.Lost[n-1]))
	}
}

func (d *Desk) historyHealth(h *api.Health) {
	s := d.parts.History.Stats()
	h.History = api.HistoryHealth{Segments: s.Segments, Rows: s.Rows, Bytes: s.Bytes, MemoryRows: s.MemoryRows}
	if s.Segments > 0 {
		h.History.First, h.History.Last = time.Unix(0, s.First).UTC(), time.Unix(0, s.Last).UTC()
	}
	for _, q := range s.Quarantined {
		text := quarantineText(q)
		h.History.Quarantined = append(h.History.Quarantined, text)
		h.Problems = append(h.Problems, "history: damaged segment set aside: "+text)
	}
}

func lossText(l journal.Loss) string {
	to := "?"
	if l.To != 0 {
		to = strconv.FormatUint(l.To, 10)
	}
	return fmt.Sprintf("partition %d, batches %d to %s of %s: %s, found %s", l.Partition, l.From, to, l.Stream, l.Reason, l.Found.UTC().Format(time.RFC3339))
}

func quarantineText(q history.Quarantined) string {
	file := q.File
	if file == "" {
		file = "a file that is gone"
	}
	return fmt.Sprintf("%s: %d events (%s) of %s to %s: %s", file, q.Rows, q.Kind,
		time.Unix(0, q.First).UTC().Format(time.RFC3339), time.Unix(0, q.Last).UTC().Format(time.RFC3339), q.Reason)
}
