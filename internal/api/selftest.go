package api

import "time"

// A SelfTestRequest says how tocsin is to try itself.
type SelfTestRequest struct {
	NoNotify bool          `json:"no_notify,omitempty"` // leave the channels out
	Channel  string        `json:"channel,omitempty"`   // the only one that is tried; empty: every one of the configuration
	Wait     time.Duration `json:"wait,omitempty"`      // for each station; 0 is 30 s, at most 10 min
}

// A SelfTestAnswer says how far a test event came.
type SelfTestAnswer struct {
	OK       bool              `json:"ok"`              // it came to every station
	Alert    int64             `json:"alert,omitempty"` // that it opened, which has ended; 0: none
	Stations []SelfTestStation `json:"stations"`
}

// A SelfTestStation is one that a test event must come to.
type SelfTestStation struct {
	Name   string        `json:"name"` // intake, history, alert, or notice over a channel
	OK     bool          `json:"ok"`
	Took   time.Duration `json:"took"` // since the event was handed in
	Detail string        `json:"detail"`
}
