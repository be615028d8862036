package permission

// An Operation is one thing that can be done, whichever way it is asked for. It is what the audit log calls it.
type Operation string

// The operations.
const (
	SendEvents Operation = "events.send"
	Search     Operation = "events.search"
	Top        Operation = "events.top"
	Explain    Operation = "events.explain"

	RankFlows    Operation = "flows.top"
	ListSessions Operation = "flows.sessions"

	Ingest Operation = "events.ingest"
	Resume Operation = "events.resume"
	Flush  Operation = "events.flush"
	Clear  Operation = "data.clear"

	ListAlerts   Operation = "alerts.list"
	FollowAlerts Operation = "alerts.follow"
	ShowAlert    Operation = "alerts.show"
	ActOnAlert   Operation = "alerts.act"
	Detect       Operation = "alerts.detect"

	ListRules  Operation = "rules.list"
	ChangeRule Operation = "rules.change"
	DeleteRule Operation = "rules.delete"
	EnableRule Operation = "rules.enable"
	BackTest   Operation = "rules.backtest"

	ListUsers   Operation = "users.list"
	ShowUser    Operation = "users.show"
	AddUser     Operation = "users.add"
	SetPassword Operation = "users.password"
	SetRole     Operation = "users.role"
	EnableUser  Operation = "users.enable"
	FilterUser  Operation = "users.filter"
	DeleteUser  Operation = "users.delete"
	LogOutUser  Operation = "users.logout"

	ListTokens  Operation = "tokens.list"
	MakeToken   Operation = "tokens.make"
	RevokeToken Operation = "tokens.revoke"

	ListAudit Operation = "audit.list"

	ListQuarantine  Operation = "quarantine.list"
	RetryQuarantine Operation = "quarantine.retry"
	DropQuarantine  Operation = "quarantine.drop"

	ListExporters Operation = "exporters.list"

	ListGroups  Operation = "groups.list"
	ChangeGroup Operation = "groups.change"
	ListNames   Operation = "names.list"
	ChangeName  Operation = "names.change"

	ShowPreferences   Operation = "preferences.show"
	ChangePreferences Operation = "preferences.change"
	ListViews         Operation = "views.list"
	ChangeView        Operation = "views.change"
	ShowBoard         Operation = "board.show"
	ChangeBoard       Operation = "board.change"
	ListReports       Operation = "reports.list"
	ChangeReport      Operation = "reports.change"
	RunReport         Operation = "reports.run"
	ShowMail          Operation = "mail.show"
	ChangeMail        Operation = "mail.change"

	ListMutes   Operation = "mutes.list"
	PreviewMute Operation = "mutes.preview"
	ChangeMute  Operation = "mutes.change"

	ListNotices     Operation = "notices.list"
	SendNotices     Operation = "notices.send"
	PreviewTemplate Operation = "templates.preview"
	TestChannel     Operation = "channels.test"
	Selftest        Operation = "selftest"

	Health  Operation = "health"
	Metrics Operation = "metrics"
	Alive   Operation = "alive"
	OpenAPI Operation = "openapi"
	Pages   Operation = "pages"
	Assets  Operation = "pages.assets"
	Backup  Operation = "data.backup"
	Adopt   Operation = "data.adopt"

	SetUp  Operation = "setup"
	LogIn  Operation = "login"
	LogOut Operation = "logout"
	Leave  Operation = "pages.logout"
)

// table is who may do what.
var table = []Line{
	{SendEvents, User, Send, false, "append events"}, // not a change that people make: what came in is in the history
	{Search, User, Read, false, "find events"},
	{Top, User, Read, false, "rank events"},
	{Explain, User, Read, false, "see what the rules make of a line"},
	{RankFlows, User, Read, false, "rank who makes the most traffic"},
	{ListSessions, User, Read, false, "list sessions of flows"},
	{Ingest, Admin, Whole, true, "read old files"},
	{Resume, Admin, Whole, false, "ask how far a file was read"},
	{Flush, Admin, Whole, false, "wait until everything can be found"},
	{Clear, Admin, Whole, true, "delete events and alerts"},

	{ListAlerts, User, Read, false, "list alerts"},
	{FollowAlerts, User, Read, false, "follow alerts as they change"},
	{ShowAlert, User, Read, false, "see all about an alert"},
	{ActOnAlert, User, Act, true, "acknowledge, comment, assign and close alerts"},
	{Detect, Admin, Whole, true, "judge history"},

	{ListRules, User, Read, false, "list rules"},
	{ChangeRule, User, Act, true, "add and change one's own rules"},
	{DeleteRule, User, Act, true, "delete one's own rules"},
	{EnableRule, User, Act, true, "let one's own rules rest or judge"},
	{BackTest, User, Read, false, "see what a rule would have found, before it is kept"},

	{ListUsers, Admin, Read, false, "list accounts"},
	{ShowUser, User, Read, false, "see one's own account; administrators anybody's"},
	{AddUser, Admin, Whole, true, "add accounts"},
	{SetPassword, User, Whole, true, "change one's own password; administrators anybody's"},
	{SetRole, Admin, Whole, true, "promote and demote accounts"},
	{EnableUser, Admin, Whole, true, "shut accounts out and let them in again"},
	{FilterUser, Admin, Whole, true, "bound what accounts may see"},
	{DeleteUser, Admin, Whole, true, "delete accounts"},
	{LogOutUser, Admin, Whole, true, "end the sessions of accounts"},

	{ListTokens, User, Read, false, "list one's own tokens; administrators anybody's"},
	{MakeToken, User, Whole, true, "make tokens for oneself; administrators for anybody"},
	{RevokeToken, User, Whole, true, "revoke one's own tokens; administrators anybody's"},

	{ListAudit, Admin, Read, false, "see who changed what"},

	{ListQuarantine, Admin, Read, false, "see the lines that could not be read"},
	{RetryQuarantine, Admin, Whole, true, "read them again"},
	{DropQuarantine, Admin, Whole, true, "forget them"},

	{ListExporters, Admin, Read, false, "see who sends flows, and how they do"},

	{ListGroups, User, Read, false, "list traffic groups"},
	{ChangeGroup, Admin, Whole, true, "make, change and remove traffic groups"},
	{ListNames, User, Read, false, "see what addresses and other things are called, and what is known of them"},
	{ChangeName, Admin, Whole, true, "name things and take names back"},

	{ShowPreferences, User, Read, false, "see what one wants to be told; administrators anybody's"},
	{ChangePreferences, User, Act, true, "change what one wants to be told; administrators anybody's"},
	{ListViews, User, Read, false, "see the views that one keeps; administrators anybody's"},
	{ChangeView, User, Act, true, "keep and remove views; administrators anybody's"},
	{ShowBoard, User, Read, false, "see what one's first page is made of; administrators anybody's"},
	{ChangeBoard, User, Act, true, "change one's first page; administrators anybody's"},
	{ListReports, User, Read, false, "see one's reports and their results; administrators anybody's"},
	{ChangeReport, User, Act, true, "set up and remove reports and results; administrators anybody's"},
	{RunReport, User, Act, true, "run a report now; administrators anybody's"},
	{ShowMail, Admin, Read, false, "see the settings of the mail server"},
	{ChangeMail, Admin, Whole, true, "change the settings of the mail server"},

	{ListMutes, User, Read, false, "list silences, windows and exclusions"},
	{PreviewMute, User, Read, false, "see what one would hide"},
	{ChangeMute, User, Act, true, "make, change and end silences, windows and exclusions"},

	{ListNotices, User, Read, false, "list notices with what was answered to them: one's own, administrators all"},
	{SendNotices, User, Whole, true, "send notices again that were given up: one's own, administrators all"},
	{PreviewTemplate, Admin, Read, false, "see a notice before it is sent"},
	{TestChannel, Admin, Whole, true, "send a test message over a channel"},
	{Selftest, Admin, Whole, true, "send a test event through the whole chain"},

	{Health, User, Read, false, "see how tocsin is"},
	{Metrics, Nearby, Read, false, "read the numbers for Prometheus"},
	{Alive, Anyone, "", false, "ask whether tocsin lives"},
	{OpenAPI, User, "", false, "read the description of the API"},
	{Pages, User, Read, false, "look at the page"},
	{Assets, Anyone, "", false, "load what the page is made of, and the page to log in"},
	{Backup, Admin, Whole, true, "copy everything"},
	{Adopt, Admin, Whole, true, "take over accounts and alerts of another program"},

	{SetUp, Anyone, "", true, "make the first administrator, by the token of the first start"},
	{LogIn, Anyone, "", true, "log in"},
	{LogOut, User, "", true, "log out"},
	{Leave, Anyone, "", true, "log out of the page"},
}
