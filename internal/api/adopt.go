package api

import "time"

// An AdoptRequest brings what another program kept: accounts with the hashes of their passwords, and alerts. Only
// administrators may ask it. Asking the same again changes nothing.
type AdoptRequest struct {
	Users  []AdoptedUser  `json:"users,omitempty"`
	Alerts []AdoptedAlert `json:"alerts,omitempty"`
}

// An AdoptedUser is an account of another program.
type AdoptedUser struct {
	Name  string `json:"name"`
	Hash  string `json:"hash"` // PHC string of argon2id or argon2i; any other shuts the account out until it gets a password
	Admin bool   `json:"admin,omitempty"`
}

// An AdoptedAlert is an alert of another program. It is kept as one that has ended, and nobody is told.
type AdoptedAlert struct {
	Rule    string    `json:"rule"` // name of one of everybody's rules, where there is one
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
	Events  []int64   `json:"events,omitempty"` // numbers that the other program gave the events behind it
}

// An AdoptAnswer says what was taken over; what was there already is not counted.
type AdoptAnswer struct {
	Users    int      `json:"users"`
	Alerts   int      `json:"alerts"`
	Problems []string `json:"problems,omitempty"` // what was not taken over, or not as it was
}
