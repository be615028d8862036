// Package preference holds what one user wants to be told, where, and when: his own e-mail recipients and syslog collector, the
// least severity, a filter, quiet hours and digests. Everything is as the user wrote it; nothing is sent or stored here.
package preference

import (
	"encoding/json"
	"fmt"
	"time"

	"tocsin/internal/alert"
)

// Preferences are those of one user. The zero Preferences tell nobody anything, as there is neither mail nor syslog.
type Preferences struct {
	// Zone is an IANA zone such as Europe/Berlin, UTC, or Local for that of the machine; empty is UTC. Quiet hours and digests
	// go by its clock, and times in messages are written in it.
	Zone string `json:"zone,omitempty"`
	// MinSeverity is the least severe alert that is told; none is INFO.
	MinSeverity alert.Severity `json:"min_severity,omitempty"`
	// Where is a filter that an alert's entity and each of its samples must pass; empty lets all pass.
	Where string `json:"where,omitempty"`
	// Everyone tells an administrator also of alerts of other users' rules. To an ordinary user it means nothing.
	Everyone bool `json:"everyone,omitempty"`

	Mail   Mail   `json:"mail,omitzero"`
	Syslog Syslog `json:"syslog,omitzero"`

	// Quiet are the times of a week in which notices are held, and summed up when they are over. CRITICAL passes, unless
	// QuietCritical.
	Quiet         []Span `json:"quiet,omitempty"`
	QuietCritical bool   `json:"quiet_critical,omitempty"`

	Digest Digest `json:"digest,omitzero"`
}

// Mail is where a user's e-mail goes. Server, port and sender are the administrator's.
type Mail struct {
	// To are addresses such as alice@example.org; none is no mail.
	To []string `json:"to,omitempty"`
}

// On says that the user wants mail.
func (m Mail) On() bool { return len(m.To) > 0 }

// Syslog is a user's collector of syslog messages.
type Syslog struct {
	// Host is its name or address; empty is none.
	Host string `json:"host,omitempty"`
	// Port is its port; 0 is 514, and 6514 for tls.
	Port int `json:"port,omitempty"`
	// Protocol is udp, tcp or tls; empty is udp.
	Protocol string `json:"protocol,omitempty"`
	// Facility is one of RFC 5424, section 6.2.1, in any case; empty is LOCAL0.
	Facility string `json:"facility,omitempty"`
	// Format is rfc3164, rfc5424, cef, leef or json; empty is rfc3164.
	Format string `json:"format,omitempty"`
}

// On says that the user has a collector.
func (s Syslog) On() bool { return s.Host != "" }

// A Span is a time of day on some days of the week. It begins on each of its days when the clock first shows From, and ends
// when the clock next shows To: on the same day if that is later than From, else on the day after. On a day on which the clock
// leaps over such a time it is the moment of the leap; of one that comes twice it is the first.
type Span struct {
	// Days are those on which it begins, mon to sun; none is every day.
	Days []string `json:"days,omitempty"`
	// From and To are written as 22:00. 24:00 is the end of the day; the same twice is 24 hours.
	From string `json:"from"`
	To   string `json:"to"`
}

// A Digest gathers notices that are not urgent into one.
type Digest struct {
	// Every is hour, day or week; empty is no digest.
	Every string `json:"every,omitempty"`
	// At is when, as 08:00; of hour the minutes count alone. Empty is 00:00.
	At string `json:"at,omitempty"`
	// Day is that of week, mon to sun; empty is mon.
	Day string `json:"day,omitempty"`
	// UpTo is the most severe alert that waits for the digest, INFO to HIGH; none is MEDIUM.
	UpTo alert.Severity `json:"up_to,omitempty"`
}

// On says that there is a digest.
func (d Digest) On() bool { return d.Every != "" }

// Takes says that notices about alerts of a severity wait for the digest.
func (d Digest) Takes(s alert.Severity) bool {
	most := d.UpTo
	if most == 0 {
		most = alert.Medium
	}
	return d.On() && s <= most
}

// Encode writes preferences as JSON.
func (p Preferences) Encode() (string, error) {
	text, err := json.Marshal(p)
	return string(text), err
}

// Decode reads what Encode wrote. It does not validate.
func Decode(text string) (p Preferences, err error) {
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return Preferences{}, fmt.Errorf("decode preferences: %w", err)
	}
	return p, nil
}

// Location is the user's zone; one that is unknown is UTC.
func (p Preferences) Location() *time.Location {
	zone, err := zoneOf(p.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// zoneOf returns the zone of a name.
func zoneOf(name string) (*time.Location, error) {
	if len(name) > maxZone {
		return nil, fmt.Errorf("it has %d bytes", len(name))
	}
	return time.LoadLocation(name) // which takes no path that leaves the directory of zones
}
