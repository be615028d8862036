package api

import "time"

// A ClearRequest says what is to be deleted for good. Only administrators may ask it.
//
// With Events and no Before the whole history goes, and with it all that is known of how far files were read: the same file
// can be taken in again, and files that are followed are read again from their start. Everything that was accepted before the
// call is gone, and nothing that is accepted after it. With Before only the events with an earlier @timestamp go, and what is
// known of files stays.
type ClearRequest struct {
	Alerts bool      `json:"alerts,omitempty"` // all of them, and the notices about them
	Events bool      `json:"events,omitempty"`
	Before time.Time `json:"before,omitzero"` // of Events: those before it; zero is all
}

// A ClearAnswer counts what was deleted.
type ClearAnswer struct {
	Alerts int64 `json:"alerts"`
	Events int64 `json:"events"`
}
