package ledger

import (
	"strings"
	"time"
)

// A Target is where a notice is to go. The zero values of what stands behind To send it at once.
type Target struct {
	User    string // "" is whoever reads the channel
	Channel string
	To      string // whom the channel is to reach, in its own words; "" for one that knows
	// Hold names what keeps the notice back until Due, when all that is held alike for the same User and Channel goes out as
	// one summary; "" sends it at once. Mute says why it is not sent at all, which is kept for people to read. Why says it
	// of a held one.
	Hold Hold
	Due  time.Time
	Mute string
	Why  string
	// MutedBy is the number of the silence or window that Mute names; 0 where it is none. It is counted once for each change.
	MutedBy int64
	// Limit is how many notices a minute may go here one by one; what is beyond is held as a Storm. 0 is any number.
	Limit int
	// Wait and Every hold notices of one rule together: the first waits for Wait, and after that one summary leaves Every so often.
	// Both 0 do not.
	Wait, Every time.Duration
}

// A Hold is a reason to keep notices back for a summary.
type Hold string

// The holds.
const (
	Quiet Hold = "quiet"  // quiet hours of the user
	Daily Hold = "digest" // the user wants one message for all of them
	Storm Hold = "storm"  // too many at once
	Late  Hold = "late"   // what they tell of is long past, as after a downtime
	Group Hold = "group"  // they are of one rule, and the channel wants them together
	// Unmuted is for alerts that a silence or window hid when it ended; behind a slash stands its number.
	Unmuted Hold = "unmuted"
	Spare   Hold = "spare" // they go out because another channel could not send them
	// ByReport is of results of reports, which nothing holds back: they are no news, and do not count when there is too much of it.
	ByReport Hold = "report"
)

// kind is what a hold is, without the number that stands behind it where it is stored.
func (h Hold) kind() Hold {
	kind, _, _ := strings.Cut(string(h), "/")
	return Hold(kind)
}

// A Route says who is told of a change, and who is not and why. It is pure, and is called inside a transaction.
type Route func(Change) []Target
