package api

import "time"

// Preferences are what a user wants to be told, where and when. Empty settings are the defaults.
type Preferences struct {
	User string `json:"user"` // whose they are
	// Zone is an IANA zone, UTC or Local, by whose clock quiet hours and digests go and in which messages tell times; empty is UTC.
	Zone        string `json:"zone,omitempty"`
	MinSeverity string `json:"min_severity,omitempty"` // empty is INFO
	Where       string `json:"where,omitempty"`        // filter on the alert's entity and each of its samples; empty lets all pass
	Everyone    bool   `json:"everyone,omitempty"`     // administrators: also of alerts of other users' rules

	Mail   MailWay   `json:"mail,omitzero"`
	Syslog SyslogWay `json:"syslog,omitzero"`

	Quiet         []QuietSpan `json:"quiet,omitempty"`          // when notices are held, to be summed up afterwards
	QuietCritical bool        `json:"quiet_critical,omitempty"` // hold those of CRITICAL alerts too
	Digest        DigestPlan  `json:"digest,omitzero"`

	// Changed is when they were stored; zero: never. Who sends it back is refused when they were changed since.
	Changed time.Time `json:"changed,omitzero"`
}

// A MailWay is where a user's e-mail goes.
type MailWay struct {
	To []string `json:"to,omitempty"` // at most 20 addresses; none is no mail
	// Server, Port and From are those that administrators set for all. They are told, and who sends others is refused.
	Server string `json:"server,omitempty"`
	Port   int    `json:"port,omitempty"`
	From   string `json:"from,omitempty"`
}

// A SyslogWay is a user's collector of syslog messages.
type SyslogWay struct {
	Host     string `json:"host,omitempty"`     // empty is none
	Port     int    `json:"port,omitempty"`     // 0 is 514, and 6514 for tls
	Protocol string `json:"protocol,omitempty"` // udp, tcp or tls; empty is udp
	Facility string `json:"facility,omitempty"` // of RFC 5424; empty is LOCAL0
	Format   string `json:"format,omitempty"`   // rfc3164, rfc5424, cef, leef or json; empty is rfc3164
}

// A QuietSpan is a time of day on some days of the week; one that ends no later than it begins ends on the day after.
type QuietSpan struct {
	Days []string `json:"days,omitempty"` // on which it begins, mon to sun; none is every day
	From string   `json:"from"`           // as 22:00
	To   string   `json:"to"`             // as 07:00; 24:00 is the end of the day
}

// A DigestPlan gathers notices that are not urgent into one.
type DigestPlan struct {
	Every string `json:"every,omitempty"` // hour, day or week; empty is no digest
	At    string `json:"at,omitempty"`    // as 08:00; of hour the minutes count alone
	Day   string `json:"day,omitempty"`   // of week, mon to sun; empty is mon
	UpTo  string `json:"up_to,omitempty"` // most severe alert that waits for it, INFO to HIGH; empty is MEDIUM
}

// What is tried when settings are stored.
const (
	TestChanged = ""     // ways whose settings change; what fails is told, and all is stored
	TestOff     = "off"  // none
	TestMust    = "must" // ways whose settings change; nothing is stored when one fails
)

// A PreferencesEdit stores a user's preferences in place of what he had.
type PreferencesEdit struct {
	Preferences        // User: empty is the caller
	Test        string `json:"test,omitempty"` // off: no test message; must: store nothing when one fails
}

// PreferencesSaved tells what became of a PreferencesEdit.
type PreferencesSaved struct {
	Preferences Preferences `json:"preferences"`
	Tests       []WayTest   `json:"tests,omitempty"`
}

// A WayTest is what became of a test message.
type WayTest struct {
	Channel string `json:"channel"` // as notices name it: mail:alice, syslog:alice
	User    string `json:"user"`
	To      string `json:"to"`               // addresses, or a collector
	Via     string `json:"via,omitempty"`    // host and port that were tried
	Answer  string `json:"answer,omitempty"` // what the other side said, when it took the message
	Failed  string `json:"failed,omitempty"` // why it did not arrive, and the remedy; empty when it was taken
}

// A MailServer is where the mail of all users is handed in. Its password is never told.
type MailServer struct {
	Server   string `json:"server"`         // empty: no mail for any user
	Port     int    `json:"port,omitempty"` // 0: 25 for none, 587 for starttls, 465 for implicit
	From     string `json:"from,omitempty"`
	TLS      string `json:"tls,omitempty"`      // none, starttls or implicit; empty is starttls
	User     string `json:"user,omitempty"`     // by whom mail is handed in; empty: the server does not ask
	Password bool   `json:"password,omitempty"` // there is one
	CA       string `json:"ca,omitempty"`       // file of authorities' certificates in PEM, where tocsin runs
}

// A MailServerEdit sets the mail server.
type MailServerEdit struct {
	Server string `json:"server"`
	Port   int    `json:"port,omitempty"`
	From   string `json:"from,omitempty"`
	TLS    string `json:"tls,omitempty"`
	User   string `json:"user,omitempty"`
	// Password is the password of User. Empty keeps the one that is stored, as long as server, port, tls, user and ca stay.
	Password string `json:"password,omitempty"`
	CA       string `json:"ca,omitempty"`
	// TestTo is whom the test message goes to; empty is where the caller's own mail goes.
	TestTo string `json:"test_to,omitempty"`
	Test   string `json:"test,omitempty"` // off: no test message; must: store nothing when it fails
}

// MailServerSaved tells what became of a MailServerEdit.
type MailServerSaved struct {
	MailServer MailServer `json:"mail_server"`
	Tests      []WayTest  `json:"tests,omitempty"`
	Untested   string     `json:"untested,omitempty"` // why no test message was sent
}
