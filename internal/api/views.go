package api

import "time"

// A View is an address of one of tocsin's own pages that a user keeps under a name. The whole question of such a page stands in
// its address.
type View struct {
	Name    string    `json:"name"`    // 1 to 80 characters; one of a name for each user
	Address string    `json:"address"` // of /alerts, /flows or /flows/sessions, with a query of at most 2 KiB
	Changed time.Time `json:"changed,omitzero"`
}

// A ViewEdit keeps an address under a name.
type ViewEdit struct {
	User    string `json:"user,omitempty"` // whose; empty is the caller
	Name    string `json:"name"`
	Address string `json:"address"` // as the page shows it, or as somebody wrote it; it is kept without what is usual
	// Replace puts it in the place of one of that name, which is refused otherwise.
	Replace bool `json:"replace,omitempty"`
}

// A ViewRemoval forgets a view.
type ViewRemoval struct {
	User string `json:"user,omitempty"` // whose; empty is the caller
	Name string `json:"name"`
}
