package netflow

import (
	"math"

	"tocsin/internal/flow"
)

// A clock turns what an exporter says about time into nanoseconds since 1970 UTC.
type clock struct {
	exported int64 // when it sent the datagram
	uptime   uint32
	ticks    bool // uptime is told, which IPFIX does not
	received int64
	maxSkew  int64
}

// clockOf returns the clock of a datagram whose header says when it was exported. One that is years off is not believed.
func clockOf(at arrival, r *flow.Report, uptime uint32) clock {
	c := clock{exported: r.Exported, uptime: uptime, ticks: r.Version != 10, received: at.received, maxSkew: at.maxSkew}
	if off := c.exported - at.received; off > at.maxSkew || off < -at.maxSkew {
		r.Problem(flow.BadTime)
		c.exported = at.received
	}
	return c
}

// at is when the exporter's uptime was ms. Uptimes go round after 49.7 days; the difference to that of the datagram does not
// mind.
func (c *clock) at(ms uint32) int64 {
	return c.exported + int64(int32(ms-c.uptime))*1e6 //nolint:gosec // going round is meant
}

// since is when the exporter's uptime was ms, by when it was started where that is told: in IPFIX in records or option data (RFC 7012,
// systemInitTimeMilliseconds). Uptimes go round, also below zero where an exporter reads what was captured before it was started.
func (c *clock) since(boot int64, ms uint32) int64 {
	if boot == 0 {
		return c.at(ms)
	}
	uptime := uint32((c.exported - boot) / 1e6)     //nolint:gosec // going round is meant
	return c.exported + int64(int32(ms-uptime))*1e6 //nolint:gosec // as above
}

// believe reports whether a time that a record tells can be. Long flows begin long before they are told.
func (c *clock) believe(t int64) bool {
	const longest = 400 * 24 * 3600 * int64(1e9)
	return t > c.received-longest && t < c.received+c.maxSkew
}

// ntp turns a time of NTP (RFC 7011 section 6.1.9) into nanoseconds since 1970.
func ntp(v uint64) int64 {
	const between = 2_208_988_800 // seconds from 1900 to 1970
	seconds := int64(v>>32) - between
	return seconds*1e9 + int64((v&math.MaxUint32)*1e9>>32) //nolint:gosec // below 1e9
}
