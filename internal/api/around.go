package api

import "time"

// Bounds of what is told around an alert.
const (
	MaxAround       = 4 // addresses
	MaxAroundEvents = 5 // of each sort about each
)

// An Around is what else was seen of an address about the time of an alert, newest first, as far as who asks may see it.
type Around struct {
	Address string         `json:"address"`
	Since   time.Time      `json:"since"` // inclusive
	Until   time.Time      `json:"until"` // exclusive
	Logins  []AroundLogin  `json:"logins,omitempty"`
	Devices []AroundDevice `json:"devices,omitempty"`
	Lines   []AroundLine   `json:"lines,omitempty"`
	Cut     bool           `json:"cut,omitempty"` // the time for it was over before all was looked through
}

// An AroundLogin is the newest time that somebody logged in from the address, or tried to: one for each user, outcome and host.
type AroundLogin struct {
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	Outcome string    `json:"outcome,omitempty"` // success or failure, "" when it was not told
	Host    string    `json:"host,omitempty"`
}

// An AroundDevice is a device that had the address.
type AroundDevice struct {
	Time time.Time `json:"time"`
	MAC  string    `json:"mac"`
	Name string    `json:"name,omitempty"`
}

// An AroundLine is a line of a log that names the address.
type AroundLine struct {
	Time time.Time `json:"time"`
	Host string    `json:"host,omitempty"`
	Text string    `json:"text"`
}
