package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/event"
)

// A Class is a part of the journal with a stream and a byte limit of its own, so that a flood in one cannot refuse the
// other.
type Class uint8

// The classes. Their numbers are part of partition numbers and never change.
const (
	Events Class = 0 // logins, logs and sightings
	Flows  Class = 1
)

const classes = 2

// String returns the word that metrics and messages use for the class.
func (c Class) String() string {
	if c == Flows {
		return "flows"
	}
	return "events"
}

// ClassOf returns the class that events of a kind belong to.
func ClassOf(kind event.Kind) Class {
	if kind == event.Flow {
		return Flows
	}
	return Events
}

// Partition returns the number of the partition in which an intake node keeps a class.
func Partition(node uint16, c Class) uint16 { return classes*node + uint16(c) }

// maxNode is the highest node whose partitions can be numbered.
const maxNode = 1<<15 - 1

// Defaults of Options.
const (
	DefaultEventBytes = 4 << 30
	DefaultFlowBytes  = 8 << 30
	DefaultGroupDelay = 2 * time.Millisecond
	DefaultGroupRows  = 5000
	DefaultCacheBytes = 32 << 20

	defaultFloorBytes   = 2 << 30
	defaultFloorPercent = 5
)

// Options say where a journal lives and how much it may take.
type Options struct {
	// Dir is the directory of the journal, which one process at a time may use; the caller holds the lock. It is made
	// when it is not there. Needed with a URL too: the guard file is in it.
	Dir string
	// URL is the address of an outside NATS server or cluster ("nats://a:4222,nats://b:4222"); empty runs the server
	// inside this process, with its files in Dir.
	URL string
	// Replicas is how many servers of an outside cluster keep each message: 1, 3 or 5. Zero means 1.
	Replicas int
	// Node numbers this intake node, 0 on a single machine and 32767 at most.
	Node uint16

	// MaxBytes is how much disk each class may take, everything included. Zero or absent means 4 GiB for events and
	// 8 GiB for flows. The streams get less (see streamLimit), since the engine keeps deleted messages for a while.
	MaxBytes map[Class]int64
	// FreeFloor is how many bytes must stay free on the disk of Dir: below that nothing is accepted. Zero means the
	// larger of 2 GB and 5 % of the disk, less than zero no floor. Not used with a URL.
	FreeFloor int64
	// GroupDelay is how long a small batch may wait for others that go out in the same message. Zero means 2 ms; less than
	// zero, no waiting.
	GroupDelay time.Duration
	// GroupRows is how many rows a message of several batches may have. Zero means 5,000.
	GroupRows int
	// CacheBytes bounds the memory of batches that are handed on to readers as they are: so much of events, and four times
	// as much of flows, of which a second may bring 60 MB. Zero means 32 MiB; less than zero, no cache.
	CacheBytes int64
	// Cursors names everybody who commits positions. Nothing that one of them has not committed is purged; without any,
	// nothing is. Cursors that the directory knows and the list does not are forgotten.
	Cursors []string

	// Log takes the messages, nil drops them.
	Log *slog.Logger
	// Registry takes the metrics, nil for none.
	Registry prometheus.Registerer
	// Crash is called at named points, for tests that kill the process there. Nil for none.
	Crash func(point string)

	// every is the time between two rounds of upkeep: guard file, purge, figures. Zero means 1 s. For tests.
	every time.Duration
}

// normal returns the options with defaults in place, or all that is wrong with them.
func (o Options) normal() (Options, error) {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("open journal: no directory"))
	}
	if o.Node > maxNode {
		errs = append(errs, fmt.Errorf("open journal: node %d: want %d at most", o.Node, maxNode))
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Replicas < 0 || o.Replicas > 5 || o.Replicas > 1 && o.URL == "" {
		errs = append(errs, fmt.Errorf("open journal: %d replicas: want 1, or up to 5 with a URL", o.Replicas))
	}
	limits := map[Class]int64{Events: DefaultEventBytes, Flows: DefaultFlowBytes}
	for c, n := range o.MaxBytes {
		switch {
		case c >= classes:
			errs = append(errs, fmt.Errorf("open journal: no class %d", c))
		case n != 0 && n < minBudget:
			errs = append(errs, fmt.Errorf("open journal: %d bytes for %s: want %d or more", n, c, minBudget))
		case n != 0:
			limits[c] = n
		}
	}
	o.MaxBytes = limits
	if o.GroupDelay == 0 {
		o.GroupDelay = DefaultGroupDelay
	}
	if o.GroupRows <= 0 {
		o.GroupRows = DefaultGroupRows
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Crash == nil {
		o.Crash = func(string) {}
	}
	if o.every <= 0 {
		o.every = time.Second
	}
	return o, errors.Join(errs...)
}

// cacheOf returns the bytes of fresh batches of a class that are kept for readers. One of flows that saves its state stands
// still for a second, and should not have to unpack what came meanwhile.
func (o *Options) cacheOf(c Class) int64 {
	n := max(0, o.CacheBytes)
	if c == Flows {
		n *= 4
	}
	return n
}

// minBudget is the least disk a class can work with.
const minBudget = 1 << 20

// streamLimit returns the byte limit of a stream whose files may take budget bytes: the engine was measured to take up to
// 15 % more than its limit, besides two blocks of at most 8 MB, which are a quarter of the limit where that is less.
func streamLimit(budget int64) int64 {
	block := min(budget/6, 8<<20)
	return (budget - 2*block) * 100 / 115
}
