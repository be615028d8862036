package preference

import (
	"time"

	"tocsin/internal/schedule"
)

// NextDigest is that of Hours.
func (p Preferences) NextDigest(now time.Time) time.Time { return p.Hours().NextDigest(now) }

// NextDigest is the first time after now at which the digest is sent, the zero time when there is none.
func (h Hours) NextDigest(now time.Time) time.Time {
	return schedule.Plan{Every: h.digest.Every, At: h.digest.At, Day: h.digest.Day}.Next(now, h.zone)
}
