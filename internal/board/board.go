// Package board says what a user's first page is made of: pages with widgets, what is right of them, how they are stored, and with
// which everybody begins.
package board

import (
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/document"
)

// The kinds of widgets.
const (
	Alerts    = "alerts"    // newest alerts of a severity and above
	Counts    = "counts"    // alerts that have not ended, by severity
	Ranking   = "ranking"   // a view of who makes the most traffic
	Sessions  = "sessions"  // a view of sessions
	Events    = "events"    // newest events
	Rate      = "rate"      // events a minute
	Exporters = "exporters" // who sends flows
	Health    = "health"    // how tocsin is
	Views     = "views"     // saved views
	Reports   = "reports"   // reports, and what each was answered last
	Report    = "report"    // newest result of a report
)

// Bounds of a board.
const (
	MaxPages   = 10
	MaxColumns = 4
	MaxWidgets = 24 // of a page
)

// A Kind is a sort of widget.
type Kind struct {
	Word  string
	Title string // what a widget is called that has no title
	// Severity, View, Report and Where say whether it has that setting, Rows which number of rows is usual: 0 for one that has none, and Most
	// the largest.
	Severity, View, Report, Where bool
	Rows, Most                    int
}

// Kinds lists them, as people choose from them.
func Kinds() []Kind {
	return []Kind{
		{Word: Alerts, Title: "Recent alerts", Severity: true, Rows: 10, Most: 200},
		{Word: Counts, Title: "Open alerts"},
		{Word: Ranking, Title: "Traffic", View: true, Rows: bookmark.FlowRows, Most: bookmark.MostFlowRows},
		{Word: Sessions, Title: "Sessions", View: true, Rows: 10, Most: 100},
		{Word: Events, Title: "Newest events", Where: true, Rows: 20, Most: 500},
		{Word: Rate, Title: "Events a minute, last 30 minutes"},
		{Word: Exporters, Title: "Exporters"},
		{Word: Health, Title: "Health"},
		{Word: Views, Title: "Saved views"},
		{Word: Reports, Title: "Reports"},
		{Word: Report, Title: "Report", Report: true, Rows: bookmark.FlowRows, Most: bookmark.MostFlowRows},
	}
}

// KindOf returns the kind of a word.
func KindOf(word string) (Kind, error) {
	var known []string
	for _, k := range Kinds() {
		if k.Word == word {
			return k, nil
		}
		known = append(known, k.Word)
	}
	return Kind{}, document.Choice("kind", word, known)
}

// Preset is what everybody begins with.
func Preset(flows bool) []api.BoardPage {
	widgets := []api.Widget{{ID: Alerts, Kind: Alerts, Column: 1, Rows: 50}, {ID: Rate, Kind: Rate, Column: 1}}
	if flows {
		widgets = append(widgets, api.Widget{ID: Ranking, Kind: Ranking, Column: 1})
	}
	widgets = append(widgets, api.Widget{ID: Events, Kind: Events, Column: 1, Rows: 100}, api.Widget{ID: Health, Kind: Health, Column: 1})
	return []api.BoardPage{{Name: "Overview", Columns: 1, Widgets: widgets}}
}
