// Package api holds what can be asked of tocsin and what it answers. The command line, the HTTP API and the page all speak
// it; it is answered in the same process or over a socket, and nobody who asks can tell which.
package api

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"tocsin/internal/alert"
)

// A Service answers everything that can be asked. Errors have a kind of package fault where the asker can do something
// about them. Every call is made as some user: see As.
type Service interface {
	Search(ctx context.Context, q SearchRequest, each func(event json.RawMessage) error) error
	Top(ctx context.Context, q TopRequest) (TopAnswer, error)
	// Traffic ranks who or what makes the most traffic of flows, FlowSessions lists the sessions that they are of.
	Traffic(ctx context.Context, q TrafficRequest) (TrafficAnswer, error)
	FlowSessions(ctx context.Context, q SessionRequest) (SessionAnswer, error)

	// Append takes events as one JSON object a line, and returns once they are synced.
	Append(ctx context.Context, q AppendRequest, body io.Reader) (AppendAnswer, error)
	// Resume returns how far the content of a source is known, -1 when nothing is known of it. Ingest reads one old file into
	// the history; its body begins there.
	Resume(ctx context.Context, source string) (offset int64, err error)
	Ingest(ctx context.Context, q IngestRequest, body io.Reader) (IngestAnswer, error)
	// Flush returns when everything taken in so far is found by Search and kept in the history.
	Flush(ctx context.Context) error
	Detect(ctx context.Context, q DetectRequest) (DetectAnswer, error)
	Explain(ctx context.Context, q ExplainRequest) (ExplainAnswer, error)

	Alerts(ctx context.Context, q AlertRequest) ([]alert.Alert, error)
	// CountAlerts counts what Alerts lists, whatever its Limit and Behind, most severe first.
	CountAlerts(ctx context.Context, q AlertRequest) ([]AlertCount, error)
	// ActOnAlert returns the alert as it is then. AlertStory tells all that happened to one.
	ActOnAlert(ctx context.Context, q AlertAct) (alert.Alert, error)
	AlertStory(ctx context.Context, id int64) (AlertStory, error)
	// FollowAlerts tells each change of an alert that the caller may see, in the order of their numbers, none twice and none left
	// out, until ctx ends or each fails; it returns the cause.
	FollowAlerts(ctx context.Context, q AlertFollow, each func(AlertChange) error) error

	// Mutes lists silences, windows and exclusions. PreviewMute says what one would hide, AddMute makes it, EndMute takes it back.
	Mutes(ctx context.Context, q MuteRequest) ([]Mute, error)
	PreviewMute(ctx context.Context, q MuteEdit) (MuteAnswer, error)
	AddMute(ctx context.Context, q MuteEdit) (MuteAnswer, error)
	EndMute(ctx context.Context, q MuteEnd) (Mute, error)

	Rules(ctx context.Context, q RuleRequest) ([]Rule, error)
	PutRule(ctx context.Context, r RuleEdit) (Rule, error)
	DeleteRule(ctx context.Context, owner, name string) error
	EnableRule(ctx context.Context, owner, name string, enabled bool) error
	// BackTest says what a rule that is not kept would have found in history, and keeps nothing.
	BackTest(ctx context.Context, q BackTestRequest) (BackTestAnswer, error)

	Users(ctx context.Context) ([]User, error)
	PutUser(ctx context.Context, u UserEdit) error
	DisableUser(ctx context.Context, name string, disabled bool) error
	// User is one account; everybody may look at his own, which the empty name is.
	User(ctx context.Context, name string) (User, error)
	SetRole(ctx context.Context, name string, admin bool) error
	// FilterUser bounds what an account may see; an empty filter takes the bound off.
	FilterUser(ctx context.Context, name, filter string) error
	DeleteUser(ctx context.Context, r UserRemoval) error
	LogOutUser(ctx context.Context, name string) (LoggedOut, error)
	// MakeToken returns a new token that stands for its user's name and password. It is shown this once.
	MakeToken(ctx context.Context, t TokenRequest) (Token, error)
	Tokens(ctx context.Context, q TokenQuery) ([]TokenEntry, error)
	RevokeTokens(ctx context.Context, r TokenRevocation) (Revoked, error)
	Audit(ctx context.Context, q AuditRequest) ([]AuditLine, error)

	// Quarantine lists what rejected records are kept, QuarantineEntries shows them, oldest first. RetryQuarantine reads them
	// again: what can be read now is accepted, once, and leaves the quarantine. DropQuarantine forgets them.
	Quarantine(ctx context.Context, q QuarantineRequest) ([]QuarantineGroup, error)
	QuarantineEntries(ctx context.Context, q QuarantineRequest) ([]QuarantineEntry, error)
	RetryQuarantine(ctx context.Context, q QuarantineRetry) (QuarantineRetried, error)
	DropQuarantine(ctx context.Context, q QuarantineRequest) (QuarantineDropped, error)

	// Preferences are what a user is told, where and when; the empty name is the caller. TestWays sends him test messages.
	Preferences(ctx context.Context, user string) (Preferences, error)
	PutPreferences(ctx context.Context, q PreferencesEdit) (PreferencesSaved, error)
	TestWays(ctx context.Context, user string) ([]WayTest, error)
	// Views are the addresses of pages that a user keeps under names; the empty name is the caller.
	Views(ctx context.Context, user string) ([]View, error)
	PutView(ctx context.Context, q ViewEdit) (View, error)
	DeleteView(ctx context.Context, q ViewRemoval) error
	// Board is what a user's first page is made of; ResetBoard makes it what everybody begins with. The empty name is the caller.
	Board(ctx context.Context, user string) (Board, error)
	PutBoard(ctx context.Context, q BoardEdit) (Board, error)
	ResetBoard(ctx context.Context, user string) (Board, error)
	// Reports are questions of pages that a user has asked on a schedule; the empty name is the caller. RunReport asks one now,
	// ReportResults lists what was answered, the newest first and without rows, ReportResult is one answer.
	Reports(ctx context.Context, user string) ([]Report, error)
	PutReport(ctx context.Context, q ReportEdit) (Report, error)
	DeleteReport(ctx context.Context, q ReportRef) error
	RunReport(ctx context.Context, q ReportRun) (ReportResult, error)
	ReportResults(ctx context.Context, q ReportRef) ([]ReportResult, error)
	ReportResult(ctx context.Context, q ResultRef) (ReportResult, error)
	DeleteReportResult(ctx context.Context, q ResultRef) error
	// MailServer is the one through which the mail of all users goes; administrators set it.
	MailServer(ctx context.Context) (MailServer, error)
	PutMailServer(ctx context.Context, q MailServerEdit) (MailServerSaved, error)

	// Notices lists what people were told, or not and why; SendNotices sends again what was given up.
	Notices(ctx context.Context, q NoticeRequest) ([]AlertNotice, error)
	SendNotices(ctx context.Context, q NoticesAgain) (NoticesSent, error)
	// PreviewNotice shows what a channel would send, TestChannel sends a test message.
	PreviewNotice(ctx context.Context, q PreviewRequest) (NoticePreview, error)
	TestChannel(ctx context.Context, q ChannelTest) (ChannelTested, error)

	Health(ctx context.Context) (Health, error)
	// Exporters lists the senders of flows that were heard, by address.
	Exporters(ctx context.Context) ([]Exporter, error)
	// Interfaces lists those of exporters, as their counter samples of sFlow tell. That an exporter was not heard is an error of kind
	// fault.NotFound.
	Interfaces(ctx context.Context, q InterfaceRequest) (Interfaces, error)
	// Groups lists traffic groups, PutGroups makes and changes them, for events that come from then on.
	Groups(ctx context.Context, q GroupRequest) ([]Group, error)
	PutGroups(ctx context.Context, q GroupsEdit) (GroupsSaved, error)
	DeleteGroup(ctx context.Context, name string) error
	// Names lists what people call addresses and other things; NamesOf tells what is known of those that are asked for.
	Names(ctx context.Context, q NameRequest) ([]Name, error)
	PutNames(ctx context.Context, q NamesEdit) (NamesSaved, error)
	DeleteNames(ctx context.Context, q NamesRemoval) (NamesSaved, error)
	NamesOf(ctx context.Context, q NamesOfRequest) ([]Named, error)
	// SelfTest sends a marked test event through the whole of a running tocsin and says what became of it.
	SelfTest(ctx context.Context, q SelfTestRequest) (SelfTestAnswer, error)
	Backup(ctx context.Context, dir string) error
	Clear(ctx context.Context, q ClearRequest) (ClearAnswer, error)
	Adopt(ctx context.Context, q AdoptRequest) (AdoptAnswer, error)
}

// An Identity is who asks. The zero Identity may do nothing.
type Identity struct {
	User  string `json:"user"`
	Admin bool   `json:"admin"`
	// Scopes are what the token that was shown is for, as permission.FormatScopes writes them; empty: it bounds nothing.
	Scopes string `json:"-"`
}

// Local is who owns the process: who comes over the socket in the data directory, or opens that directory himself.
func Local() Identity { return Identity{User: "admin", Admin: true} }

type identityKey struct{}

// As returns a context whose calls are made as id.
func As(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// Caller returns who asks.
func Caller(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}

// A SearchRequest asks for events, newest first unless Oldest.
type SearchRequest struct {
	Kinds  []string  `json:"kinds,omitempty"` // none means all
	Where  string    `json:"where,omitempty"` // filter; empty selects everything
	Since  time.Time `json:"since,omitzero"`  // inclusive; zero is the beginning
	Until  time.Time `json:"until,omitzero"`  // exclusive; zero is the end
	Limit  int       `json:"limit,omitempty"` // 0 is 100; negative is no limit
	Oldest bool      `json:"oldest,omitempty"`
}

// A TopRequest asks for a ranking of the values of By, or with Bucket for a line over time.
type TopRequest struct {
	Kinds  []string      `json:"kinds,omitempty"`
	By     []string      `json:"by"`               // fields; none gives one total
	Metric string        `json:"metric,omitempty"` // empty is count
	Where  string        `json:"where,omitempty"`
	Since  time.Time     `json:"since,omitzero"`
	Until  time.Time     `json:"until,omitzero"`
	Bucket time.Duration `json:"bucket,omitempty"` // 0: no time line
	Limit  int           `json:"limit,omitempty"`  // 0 is 10
	Lowest bool          `json:"lowest,omitempty"`
}

// A TopAnswer is a ranking, best first, or with buckets a line ordered by time and then rank.
type TopAnswer struct {
	By       []string `json:"by"`
	Metric   string   `json:"metric"`
	Rows     []TopRow `json:"rows"`
	Others   int      `json:"others"` // groups left out by Limit
	Events   int64    `json:"events"` // events that the filter selected
	Estimate bool     `json:"estimate,omitempty"`
}

// A TopRow is one group.
type TopRow struct {
	Time   time.Time `json:"time,omitzero"`   // start of the bucket
	Values []string  `json:"values"`          // of By; "" where missing
	Names  []string  `json:"names,omitempty"` // what people call them, "" for those that have no name; none: none has
	Value  float64   `json:"value"`
}

// An AppendRequest says how a body of events is to be taken.
type AppendRequest struct {
	Kind           string `json:"kind,omitempty"` // of lines that name none; empty is log
	Source         string `json:"source,omitempty"`
	IdempotencyKey string `json:"-"` // the same key, however often it is sent, counts once; empty: at least once
}

// An AppendAnswer says what became of the lines.
type AppendAnswer struct {
	Accepted int         `json:"accepted"`
	Rejected int         `json:"rejected"`
	Repeated bool        `json:"repeated,omitempty"` // the idempotency key was seen before; nothing was added
	Errors   []LineError `json:"errors,omitempty"`   // of the first rejected lines
}

// A LineError says why a line was rejected.
type LineError struct {
	Line   int64  `json:"line"`   // from 1
	Offset int64  `json:"offset"` // of the line in the uncompressed file, in bytes
	Reason string `json:"reason"`
	Sample string `json:"sample"` // beginning of the line
}

// An IngestRequest says what a file is. The body is its uncompressed content from Offset on.
type IngestRequest struct {
	Source string `json:"source"`           // identity, so that the same file is not taken twice; empty: never resumed
	Path   string `json:"path"`             // name for people
	Format string `json:"format,omitempty"` // empty: guessed from the first lines
	Zone   string `json:"zone,omitempty"`   // for times without one; empty is UTC
	// Declaration is a format of the sender's own, as YAML: one by itself, or a document that has the one named by Format.
	Declaration string `json:"declaration,omitempty"`

	Service string `json:"service,omitempty"` // service.name of events that name none
	Offset  int64  `json:"offset"`
	// Whole says that the body begins at the beginning of the file all the same. So are captures of packets sent: what stands
	// before Offset tells how the rest is to be read.
	Whole bool  `json:"whole,omitempty"`
	Lines int64 `json:"lines,omitempty"` // that stand before Offset, so that rejected ones are known by their number
	// Progress is called now and then with how far the body was read. Not sent over the wire.
	Progress func(IngestAnswer) `json:"-"`
}

// An IngestAnswer says what became of a file. Lines = Events of it + Rejected + Empty, for formats with an event a line.
type IngestAnswer struct {
	Format     string           `json:"format"`
	Confidence int              `json:"confidence"` // 0-100; 100 when the format was named
	Bytes      int64            `json:"bytes"`      // read of the body
	Lines      int64            `json:"lines"`
	Events     int64            `json:"events"`
	Empty      int64            `json:"empty"`
	Repeated   int64            `json:"repeated,omitempty"` // events that were there already, and count once
	Rejected   int64            `json:"rejected"`
	Reasons    map[string]int64 `json:"reasons,omitempty"` // rejected lines by reason
	Errors     []LineError      `json:"errors,omitempty"`  // first samples
	First      time.Time        `json:"first,omitzero"`    // range of event times
	Last       time.Time        `json:"last,omitzero"`
	// Of a capture, Lines are datagrams with exports of flows, Empty those that tell none, and Rejected is what could not be read
	// of them, by the reasons that the list of exporters has. Packets are those of the capture, exports or not.
	Packets int64    `json:"packets,omitempty"`
	Notes   []string `json:"notes,omitempty"` // what else is to be said of a capture
}

// A DetectRequest asks to judge history.
type DetectRequest struct {
	Rules  []string  `json:"rules,omitempty"` // names; none means all enabled ones
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	DryRun bool      `json:"dry_run,omitempty"` // write nothing
	Notify bool      `json:"notify,omitempty"`  // tell people, which detect otherwise does not
}

// A DetectAnswer is what judging history found.
type DetectAnswer struct {
	Events int64         `json:"events"` // looked at
	Rules  int           `json:"rules"`
	Alerts []alert.Alert `json:"alerts"` // new or updated, oldest first
	// Excluded counts the findings that are no alerts because of exclusions.
	Excluded int64 `json:"excluded,omitempty"`
}

// An AlertRequest asks for alerts, newest first.
type AlertRequest struct {
	ID          int64     `json:"id,omitempty"`
	States      []string  `json:"states,omitempty"` // none means all
	Rule        string    `json:"rule,omitempty"`
	User        string    `json:"user,omitempty"`         // owner of the rule; empty is the caller, "*" all (administrators)
	MinSeverity string    `json:"min_severity,omitempty"` // empty is INFO
	Since       time.Time `json:"since,omitzero"`         // last trigger at or after
	Until       time.Time `json:"until,omitzero"`
	Text        string    `json:"text,omitempty"`   // stands in the entity, the title or the reason, in any case
	Behind      string    `json:"behind,omitempty"` // goes on behind the last alert of the page before: AlertCursor of it
	SinceID     int64     `json:"since_id,omitempty"`
	Oldest      bool      `json:"oldest,omitempty"` // in the order of their numbers: with SinceID page by page, none is missed
	// SinceChange asks for the alerts that changed behind the change of this number, in the order of their changes: who goes
	// on with the greatest change that he was given misses none. -1 begins with the first.
	SinceChange int64 `json:"since_change,omitempty"`
	Limit       int   `json:"limit,omitempty"` // 0 is 1,000
	// Brief leaves the samples out, which are most of an answer.
	Brief bool `json:"brief,omitempty"`
}

// A RuleRequest asks for rules.
type RuleRequest struct {
	Owner string `json:"owner,omitempty"` // empty is the caller, "*" all
	Name  string `json:"name,omitempty"`
}

// A Rule is a rule as people see it.
type Rule struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	Title    string    `json:"title,omitempty"` // what people read, where that is not the name
	Owner    string    `json:"owner"`
	Enabled  bool      `json:"enabled"`
	ReadOnly bool      `json:"read_only"` // it stands in a file
	File     string    `json:"file,omitempty"`
	Line     int       `json:"line,omitempty"` // where it begins in the file
	Version  int       `json:"version"`
	Severity string    `json:"severity"`
	From     string    `json:"from"`
	Where    string    `json:"where"`
	Detect   string    `json:"detect"` // detector and settings in one line
	Text     string    `json:"text"`   // the rule's YAML
	Changed  time.Time `json:"changed,omitzero"`
	Problem  string    `json:"problem,omitempty"` // why it does not run, when it does not
	// MissingLists are lists of addresses that Where names and that have no file. To the rule they are empty until they have.
	MissingLists []string `json:"missing_lists,omitempty"`
}

// A RuleEdit adds a rule, or with Replace changes the one of the same name.
type RuleEdit struct {
	Owner   string `json:"owner,omitempty"` // empty is the caller
	Text    string `json:"text"`            // one rule as YAML
	Replace bool   `json:"replace,omitempty"`
}

// A User is an account.
type User struct {
	Name     string    `json:"name"`
	Admin    bool      `json:"admin"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
	Filter   string    `json:"filter,omitempty"` // bounds what it may see; empty: nothing does
	// Sessions are the logins that this tocsin knows and that have not ended; none while it does not run.
	Sessions  int       `json:"sessions,omitempty"`
	LastLogin time.Time `json:"last_login,omitzero"`
	// Provider is the identity provider at which it logs in; empty: it has a password here.
	Provider string `json:"provider,omitempty"`
}

// A UserEdit adds an account or changes its password.
type UserEdit struct {
	Name     string `json:"name"`
	Password string `json:"password,omitempty"`
	Admin    bool   `json:"admin,omitempty"`
	Create   bool   `json:"create,omitempty"` // false: change the password alone
}

// A TokenRequest asks for a token.
type TokenRequest struct {
	User  string `json:"user,omitempty"` // empty is the caller
	Label string `json:"label,omitempty"`
	// Scopes are what it is for, of read, act, send and admin, with commas between; empty is read.
	Scopes  string    `json:"scopes,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // zero: 90 days from now
	Never   bool      `json:"never,omitempty"`  // it does not expire
}

// A Token is what a program shows instead of a name and password.
type Token struct {
	User    string    `json:"user"`
	Token   string    `json:"token"`
	ID      int64     `json:"id"`
	Scopes  string    `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// Health is how tocsin is.
type Health struct {
	OK       bool     `json:"ok"`
	Ready    bool     `json:"ready"`
	Version  string   `json:"version"`
	Problems []string `json:"problems,omitempty"` // what someone must act on, each with the remedy

	// Page is the address of the page, empty when there is none.
	Page string `json:"page,omitempty"`
	// Zone is that of the machine where tocsin runs: an IANA name, or an offset such as +01:00. See Location.
	Zone    string           `json:"zone,omitempty"`
	Started time.Time        `json:"started"`
	Events  map[string]int64 `json:"events"` // accepted since start, by kind
	Rate    float64          `json:"rate"`   // events a second over the last minute
	Journal JournalHealth    `json:"journal"`
	History HistoryHealth    `json:"history"`
	Rules   int              `json:"rules"` // running
	Alerts  int              `json:"alerts"`
	Ledger  string           `json:"ledger,omitempty"` // where users, rules and alerts are, for administrators; without a password
	Sources []SourceHealth   `json:"sources,omitempty"`
}

// JournalHealth is how the journal is.
type JournalHealth struct {
	Epoch    string            `json:"epoch"`
	Bytes    int64             `json:"bytes"`
	MaxBytes int64             `json:"max_bytes"`
	Free     int64             `json:"free"` // bytes left on its disk
	Refusing string            `json:"refusing,omitempty"`
	Lag      map[string]uint64 `json:"lag"` // batches behind, by cursor
	Lost     []string          `json:"lost,omitempty"`
}

// HistoryHealth is how the history is.
type HistoryHealth struct {
	Segments    int       `json:"segments"`
	Rows        int64     `json:"rows"`
	Bytes       int64     `json:"bytes"`
	MemoryRows  int64     `json:"memory_rows"`
	First       time.Time `json:"first,omitzero"`
	Last        time.Time `json:"last,omitzero"`
	Quarantined []string  `json:"quarantined,omitempty"` // damaged segments set aside
}

// SourceHealth is how one source is. Lines = those of its events + Rejected + Empty.
type SourceHealth struct {
	Name     string           `json:"name"`
	Lines    int64            `json:"lines"`
	Events   int64            `json:"events"`
	Rejected map[string]int64 `json:"rejected,omitempty"` // by reason
	Empty    int64            `json:"empty,omitempty"`    // blank lines
	Repeated int64            `json:"repeated,omitempty"` // events that were there already, and count once
	Dropped  int64            `json:"dropped"`            // lost before they could be taken, as UDP can
	Last     time.Time        `json:"last,omitzero"`
	Problem  string           `json:"problem,omitempty"`
}
