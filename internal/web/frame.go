package web

import (
	"net/http"
	"time"

	"tocsin/internal/api"
)

// A frame is what every page has around its own part.
type frame struct {
	User  api.Identity
	Now   time.Time
	Title string
	Here  string // the entry of Nav that it belongs to
	Nav   []entry
	Done  string // what was done just now
	Live  bool   // it renews itself
	Whole string // address of the same page with what is loaded later otherwise, for who has no scripts; "": it is whole
}

// An entry is one place that the head of each page leads to.
type entry struct{ To, Name string }

// frame makes the frame of a page for who asks.
func (s *site) frame(r *http.Request, title, here string) frame {
	id := api.Caller(r.Context())
	return frame{
		User: id, Now: time.Now().UTC(), Title: title + " · tocsin", Here: here, Nav: places(id),
		Done: done[r.URL.Query().Get("done")],
	}
}

// places are where the head of the pages leads somebody.
func places(who api.Identity) []entry {
	list := []entry{{"/", "Overview"}, {"/alerts", "Alerts"}, {rulesPath, "Rules"}, {"/flows", "Flows"}, {"/silences", "Silences"}, {"/notices", "Notices"}, {"/names", "Names"}}
	if who.Admin {
		list = append(list, entry{"/users", "Users"}, entry{"/audit", "Audit"}, entry{"/settings/mail", "Mail"})
	}
	return append(list, entry{"/me", "Settings"})
}

// done is what a page says after it led back to itself, by the word in its address. Nothing else from there is repeated.
var done = map[string]string{
	api.Acknowledge: "Acknowledged.", api.Unacknowledge: "Open again.", api.Comment: "Comment added.",
	api.Assign: "Assigned.", api.Close: "Closed.",
	api.Silence: "Silenced: nobody is told of it.", api.Exclusion: "Excluded: it raises no more alerts.", undo: "Undone.", "add": "Added.",
	save: "Saved.", revoke: "Revoked.", "sent": "They are sent again.",
	"adduser": "Account added.", "password": "Password set.", "promote": "Is an administrator now.", "demote": "Is an ordinary user now.", "disable": "Shut out.",
	setName: "Named.", removeName: "Name removed.", importNames: "Imported.", setGroup: "Group saved.", removeGroup: "Group removed.",
	addWidget: "Widget added.", removeWidget: "Widget removed.", saveWidget: "Saved.", earlier: "Moved.", later: "Moved.",
	addPage: "Page added.", savePage: "Saved.", removePage: "Page removed.", pageEarlier: "Moved.", pageLater: "Moved.", preset: "As everybody begins.",
	keepView: "View saved.", removeView: "View removed.",
	keepReport: "Report saved.", changeReport: "Report saved.", runReport: "Done: this is the result.", pauseReport: "Paused.", resumeReport: "It goes on.", removeReport: "Report removed.", removeResult: "Result removed.",
	letRule: "It judges again.", restRule: "It rests.", removeRule: "Rule deleted.", "keptrule": "Saved: it judges what comes from now on.",
	"defined":     "Saved: it judges the flows that come from now on.",
	"keptwithout": "Saved. A list that its filter names is not there: it is empty until its file is in the folder lists of the data directory.",
	"enable":      "Let in again.", "filter": "Filter set.", "logout": "Logged out everywhere.", "delete": "Account deleted.",
}

// again leads the browser back to a page after a form did what it says, so that renewing the page does not do it twice.
func again(w http.ResponseWriter, r *http.Request, to, word string) {
	http.Redirect(w, r, to+"?done="+word, http.StatusSeeOther)
}
