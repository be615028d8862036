package api

import "time"

// A Board is what a user made of his first page: pages with widgets.
type Board struct {
	User string `json:"user,omitempty"` // whose it is
	// Version counts its changes. Who sends it back is refused when it is another by now.
	Version int64       `json:"version"`
	Preset  bool        `json:"preset,omitempty"` // it is what everybody begins with
	Changed time.Time   `json:"changed,omitzero"` // zero: never
	Pages   []BoardPage `json:"pages"`            // 1 to 10
}

// A BoardPage is one page of a board.
type BoardPage struct {
	Name    string   `json:"name"`              // 1 to 80 characters
	Columns int      `json:"columns,omitempty"` // 1 to 4 where there is room; 0 is 1
	Widgets []Widget `json:"widgets"`           // at most 24, those of a column from above
}

// A Widget is one part of a page of a board.
type Widget struct {
	// ID tells the widgets of a board apart: 1 to 20 small letters, digits and -. Empty: it is given one.
	ID string `json:"id,omitempty"`
	// Kind is what it shows: alerts, counts, ranking, sessions, events, rate, exporters, health, views, reports or report.
	Kind   string `json:"kind"`
	Title  string `json:"title,omitempty"`  // empty is what its kind is called; at most 80 characters
	Column int    `json:"column,omitempty"` // from 1 on; 0 is 1
	// MinSeverity is of alerts: those of this severity and above. Empty is any.
	MinSeverity string `json:"min_severity,omitempty"`
	// View is of ranking and sessions: the name of a saved view of such a page. Empty is the page as it begins.
	View string `json:"view,omitempty"`
	// Report is of report: the name of the report whose newest result it shows. Empty: none was chosen yet.
	Report string `json:"report,omitempty"`
	// Where is of events: a filter.
	Where string `json:"where,omitempty"`
	// Rows is of alerts, events, ranking, sessions and report: at most so many. 0 is what is usual.
	Rows int `json:"rows,omitempty"`
}

// A BoardEdit puts a board in the place of the one that there is.
type BoardEdit struct {
	User string `json:"user,omitempty"` // whose; empty is the caller
	// Version is that of the board that was changed: it is refused when somebody changed it since. None: whatever is there is
	// replaced.
	Version *int64      `json:"version,omitempty"`
	Pages   []BoardPage `json:"pages"`
}
