package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"tocsin/internal/aggregate"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
	"tocsin/internal/flow/rows"
	"tocsin/internal/flow/session"
	"tocsin/internal/history"
	"tocsin/internal/metric"
	"tocsin/internal/traffic"
)

// What questions are asked of: flows of the generator, evenly over the last days, decoded, put into sessions and written to a
// history as the daemon does.
const (
	questionFlows = 5_000_000
	questionDays  = 30
	questionBatch = 8192
	busyFlows     = 3_000_000 // of two hours
)

// questions measures what flows take on disk, and what it costs to ask who makes the most traffic.
func questions(f *figures, o options, dir string) error {
	s, err := history.Open(context.Background(), history.Options{Dir: filepath.Join(dir, "questions"), Rollups: 400 * 24 * time.Hour})
	if err != nil {
		return err
	}
	defer s.Close()
	until := time.Now().UTC().Truncate(time.Hour)
	since := until.Add(-questionDays * 24 * time.Hour)
	began := processTime()
	if err := fill(s, since, until, questionFlows); err != nil {
		return err
	}
	f.said(fmt.Sprintf("questions of %d flows over %d days", questionFlows, questionDays), "%.2f CPU-s a million to decode, join and write", (processTime()-began).Seconds()/questionFlows*1e6)
	began = processTime()
	if err := s.Merge(context.Background()); err != nil {
		return err
	}
	f.said("  merged", "%.2f CPU-s a million", (processTime()-began).Seconds()/questionFlows*1e6)
	st := s.Stats()
	f.held("  history", "%.1f bytes a flow", float64(st.Bytes)/float64(st.Rows), false, 25)
	if err := asked(f, "  top 10 sources by bytes", 0.2, func() error { return plainTop(s) }); err != nil {
		return err
	}
	for _, by := range []string{"host", "pair", "port"} {
		if err := asked(f, fmt.Sprintf("  top 10 of flow.%s --by bytes", by), 0, func() error { return top(s, api.TrafficRequest{By: by, Exact: true}, false) }); err != nil {
			return err
		}
	}
	if err := rolled(f, s, since, until); err != nil {
		return err
	}
	return busy(f, dir, until)
}

// busy measures what it costs to roll hours up that have many flows.
func busy(f *figures, dir string, until time.Time) error {
	s, err := history.Open(context.Background(), history.Options{Dir: filepath.Join(dir, "busy"), Rollups: 400 * 24 * time.Hour})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := fill(s, until.Add(-2*time.Hour), until, busyFlows); err != nil {
		return err
	}
	began := processTime()
	if err := s.Roll(context.Background(), time.Now().Add(24*time.Hour)); err != nil {
		return err
	}
	f.held(fmt.Sprintf("rolled up, %d flows of two hours", busyFlows), "%.2f CPU-s a million", (processTime()-began).Seconds()/busyFlows*1e6, false, 0.3)
	f.said("  rollups", "%.2f bytes a flow", float64(s.Stats().RollupBytes)/busyFlows)
	return nil
}

// top asks for a ranking of traffic, and wants it to be told from rollups or not to be.
func top(s *history.Store, q api.TrafficRequest, rolled bool) error {
	a, err := traffic.Top(context.Background(), s, q, traffic.Selection{})
	if err == nil && a.RolledHours > 0 != rolled {
		err = fmt.Errorf("rollups stood for %d hours", a.RolledHours)
	}
	return err
}

// rolled measures what it costs to roll flows up, and to rank by rollups.
func rolled(f *figures, s *history.Store, since, until time.Time) error {
	began := processTime()
	if err := s.Roll(context.Background(), time.Now().Add(24*time.Hour)); err != nil {
		return err
	}
	f.said("  rolled up by hour and day", "%.2f CPU-s a million", (processTime()-began).Seconds()/questionFlows*1e6)
	st := s.Stats()
	f.said("    rollups", "%d of %.1f bytes a flow", st.Rollups, float64(st.RollupBytes)/questionFlows)
	for _, q := range []struct {
		what         string
		since, until time.Time
	}{{"30 days", time.Time{}, time.Time{}}, {"29 days and some, from within an hour", since.Add(7*time.Hour + 11*time.Minute), until.Add(-5*time.Hour - 7*time.Minute)}} {
		if err := inTime(f, "  top 10 of flow.host --by bytes over "+q.what, 50, func() error {
			return top(s, api.TrafficRequest{By: "host", Since: q.since, Until: q.until}, true)
		}); err != nil {
			return err
		}
	}
	return nil
}

// inTime measures how long a question takes, in milliseconds: the median of nine after one that is not counted.
func inTime(f *figures, what string, limit float64, ask func() error) error {
	var took []time.Duration
	used := processTime()
	for range 10 {
		began := time.Now()
		if err := ask(); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	took = took[1:]
	slices.Sort(took)
	f.held(what, "%.0f ms", took[len(took)/2].Seconds()*1e3, false, limit)
	f.said("    at best, and in processor time", "%d ms, %.3f CPU-s", took[0].Milliseconds(), (processTime()-used).Seconds()/10)
	return nil
}

// asked measures a question, the mean of five after one that is not counted.
func asked(f *figures, what string, limit float64, ask func() error) error {
	const times = 5
	if err := ask(); err != nil {
		return err
	}
	began, used := time.Now(), processTime()
	for range times {
		if err := ask(); err != nil {
			return err
		}
	}
	cpu, wall := (processTime()-used).Seconds()/times, time.Since(began)/times
	if limit > 0 {
		f.held(what, "%.3f CPU-s", cpu, false, limit)
	} else {
		f.said(what, "%.3f CPU-s", cpu)
	}
	f.said("    from question to answer", "%d ms", wall.Milliseconds())
	return nil
}

// processTime is what this process has used.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it takes no argument that can be wrong
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fill writes the flows.
func fill(s *history.Store, since, until time.Time, flows int) error {
	pool, sequence := flowDatagrams(false), uint64(0)
	decoder, tracker, builder := netflow.New(netflow.Options{}), session.New(session.Options{}), event.NewBuilder(event.Flow)
	var records []flow.Record
	var marks []session.Mark
	var notes []rows.Note
	for i := range flows / perDatagram {
		at := since.Add(time.Duration(float64(until.Sub(since)) * float64(i) / float64(flows/perDatagram)))
		b := pool[i%len(pool)]
		binary.BigEndian.PutUint32(b[8:], uint32(at.Unix()))
		binary.BigEndian.PutUint32(b[12:], uint32(at.Nanosecond()))
		exporter := flow.V4(127<<24 + uint32(1+i%flowExporters))
		received := at.UnixNano()
		records, _ = decoder.Decode(exporter, received, b, records[:0])
		marks = tracker.Track(exporter, records, received, 0, marks[:0])
		origin := rows.Origin{Source: "flows", Format: "netflow5", Exporter: exporter, Received: received}
		notes = notes[:0]
		for n := range marks {
			notes = append(notes, rows.Note{ID: marks[n].ID, Client: marks[n].Role == session.Client, Repeated: marks[n].Repeated})
		}
		origin.Append(builder, records, notes)
		if last := i+1 == flows/perDatagram; builder.Rows() >= questionBatch || last {
			batch := builder.Batch()
			sequence++
			batch.Sequence = sequence
			if err := s.Apply("bench", batch); err != nil {
				return err
			}
			if sequence%16 == 0 || last { // as in the daemon, 131,072 flows at a time
				if err := s.Flush(context.Background()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// plainTop is `tocsin top source.ip --by sum(source.bytes)`.
func plainTop(s *history.Store) error {
	source, ok := event.FieldByID(event.SourceIP)
	octets, found := event.FieldByID(event.SourceBytes)
	if !ok || !found {
		return os.ErrInvalid
	}
	spec := aggregate.Spec{By: []aggregate.Key{{Field: source}}, Metrics: []metric.Metric{{Op: metric.Sum, Field: octets}}}
	all := aggregate.New(spec, aggregate.Limits{})
	var workers []*aggregate.Table
	first := true
	q := history.Query{Kinds: []event.Kind{event.Flow}, Fields: all.Fields(), Passing: true}
	err := s.ScanParallel(context.Background(), q, func() history.Func {
		t := all
		if !first {
			t = aggregate.New(spec, aggregate.Limits{})
			workers = append(workers, t)
		}
		first = false
		return func(b *event.Batch, rows []int32) error {
			t.Fold(b, rows)
			return nil
		}
	})
	if err != nil {
		return err
	}
	for _, t := range workers {
		if err := all.Merge(t); err != nil {
			return err
		}
	}
	all.Rank(0, 10, false)
	return nil
}
