package api

import (
	"net/url"
	"strconv"
	"time"
)

// A Report is the question of one of tocsin's pages, made on a schedule as its owner would make it. What was answered is kept.
type Report struct {
	Name    string `json:"name"`    // 1 to 80 characters; one of a name for each user
	Address string `json:"address"` // as that of a View: of /flows, /flows/sessions or /alerts, with what is asked there
	// Every is hour, day, week or month. What the address says of times, such as 24h or yesterday, counts back from then.
	Every string `json:"every"`
	// At is when, as 08:00 on the clock of the owner's zone; of hour the minutes count alone. Empty is 00:00.
	At string `json:"at,omitempty"`
	// Day is that of week, mon to sun, empty is mon; and that of month, 1 to 31, empty is 1: a month that is shorter has its last.
	Day string `json:"day,omitempty"`
	// Rows is how many rows a result has at most, up to 1,000. 0 is as many as the page shows.
	Rows   int  `json:"rows,omitempty"`
	Keep   int  `json:"keep"`             // results that are kept, the newest: 1 to 100
	Mail   bool `json:"mail,omitempty"`   // results are sent to the owner's own mail address as well
	Paused bool `json:"paused,omitempty"` // it is not made on its schedule

	Changed   time.Time `json:"changed,omitzero"`
	Zone      string    `json:"zone,omitempty"`       // the owner's, by whose clock it goes
	Next      time.Time `json:"next,omitzero"`        // when it is made next; zero: never, as it is paused or its owner is shut out
	Last      time.Time `json:"last,omitzero"`        // the newest result's Due; zero: there was none
	LastError string    `json:"last_error,omitempty"` // why that has no rows
}

// A ReportEdit sets up a report.
type ReportEdit struct {
	User    string `json:"user,omitempty"` // whose; empty is the caller
	Name    string `json:"name"`
	Address string `json:"address"` // as the page shows it, or as somebody wrote it; it is kept without what is usual
	Every   string `json:"every"`
	At      string `json:"at,omitempty"`
	Day     string `json:"day,omitempty"`
	Rows    int    `json:"rows,omitempty"`
	Keep    int    `json:"keep,omitempty"` // 0 is 12
	Mail    bool   `json:"mail,omitempty"`
	Paused  bool   `json:"paused,omitempty"`
	// Replace puts it in the place of one of that name, which is refused otherwise. The results of that one stay.
	Replace bool `json:"replace,omitempty"`
	// Changed is that of the report that was changed: it is refused when somebody changed it since. Zero: whatever is there is
	// replaced.
	Changed time.Time `json:"changed,omitzero"`
}

// Edit is what sets up, for a user, the report as it is, refused when somebody changed it since.
func (r *Report) Edit(user string) ReportEdit {
	return ReportEdit{User: user, Name: r.Name, Address: r.Address, Every: r.Every, At: r.At, Day: r.Day, Rows: r.Rows, Keep: r.Keep, Mail: r.Mail, Paused: r.Paused,
		Replace: true, Changed: r.Changed}
}

// A ReportRef names a report.
type ReportRef struct {
	User string `json:"user,omitempty"` // whose; empty is the caller
	Name string `json:"name"`
}

// A ReportRun asks for a result of a report now, besides its schedule.
type ReportRun struct {
	User string `json:"user,omitempty"` // whose; empty is the caller
	Name string `json:"name"`
	Mail bool   `json:"mail,omitempty"` // send it as well, to the owner's own mail address
}

// A ResultRef names a result of a report.
type ResultRef struct {
	User   string `json:"user,omitempty"` // whose; empty is the caller
	Report string `json:"report"`
	ID     int64  `json:"id,omitempty"` // 0 is the newest
}

// A ReportResult is what a report was answered once.
type ReportResult struct {
	ID      int64  `json:"id"`
	Report  string `json:"report"`
	Address string `json:"address"` // that it was the question of, as it stood then

	Due   time.Time `json:"due"`             // the time from which the question counts back
	Asked bool      `json:"asked,omitempty"` // somebody asked for it, besides the schedule
	Made  time.Time `json:"made"`            // when it was answered: later than Due, as when tocsin was down
	From  time.Time `json:"from,omitzero"`   // zero is the beginning
	To    time.Time `json:"to,omitzero"`
	Error string    `json:"error,omitempty"` // why there is no answer
	Mail  string    `json:"mail,omitempty"`  // what became of its mail, in words: to whom it goes, or why it does not; empty where none was wanted
	Zone  string    `json:"zone,omitempty"`  // the owner's then

	Title string `json:"title,omitempty"` // what it shows, such as "Hosts by bytes sent"
	// Rows are as many as were asked for. Others are left out by that; with Truncated it is so many that do not fit into what
	// is kept.
	Count     int   `json:"count"` // rows
	Others    int64 `json:"others,omitempty"`
	Truncated bool  `json:"truncated,omitempty"`

	// What follows is left out of a list of results.

	Note    string         `json:"note,omitempty"` // what all comes to, and how exact that is
	Columns []ReportColumn `json:"columns,omitempty"`
	Rows    [][]string     `json:"rows,omitempty"` // a cell for each column
	// Lines are those over time of the first rows of a ranking, in steps of Bucket from Start on.
	Start  time.Time     `json:"start,omitzero"`
	Bucket time.Duration `json:"bucket,omitempty"`
	Lines  [][]float64   `json:"lines,omitempty"`
	Rank   string        `json:"rank,omitempty"` // by what a ranking ranks, such as bytes
	Keys   int           `json:"keys,omitempty"` // how many of the first columns name what a ranking ranks
}

// A ReportColumn is one column of a result.
type ReportColumn struct {
	Name string `json:"name"`
	// Kind says how cells are to be read: empty is text, number a whole number or a decimal one, bytes a number of bytes, time a
	// point in time as RFC 3339 has it, in UTC.
	Kind string `json:"kind,omitempty"`
}

// Kinds of a ReportColumn.
const (
	TextColumn   = ""
	NumberColumn = "number"
	BytesColumn  = "bytes"
	TimeColumn   = "time"
)

// Page is the address of tocsin's own page about a result.
func (r *ReportResult) Page() string {
	return "/reports/" + url.PathEscape(r.Report) + "/" + strconv.FormatInt(r.ID, 10)
}
