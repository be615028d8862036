package syslog

import "slices"

// A saying is one thing that a program says about somebody who comes in: how it words it, what that is, and how it ended.
type saying struct {
	text    string // see compile
	action  string
	outcome string // success, failure, or empty where nothing ended
}

// The ends of an attempt, as ECS calls them; unknown where the server and not the visitor is the cause.
const (
	success = "success"
	failure = "failure"
	unknown = "unknown"
)

// A program is a set of sayings under the names by which programs write them. A name is that in front of the process id,
// without a path: smtpd is postfix/smtpd, postfix/submission/smtpd and so on.
type program struct {
	names    []string
	category string // ECS event.category
	sayings  []saying
}

// peer is the two ways in which versions of sshd end what they say of an attempt. The one with a port stands first: of what
// it says, the visitor chooses the name, and no more. Behind "ssh2" stands what key it was.
func peer(text, action, outcome string) []saying {
	return []saying{
		{text + " from {from} port {port}{? ssh{w}{?: {*}}}", action, outcome},
		{text + " from {from}", action, outcome},
	}
}

// mailLogins are the parts of dovecot that let in, under the names that they have in the one and the other configuration.
var mailLogins = []string{"dovecot", "imap-login", "pop3-login", "managesieve-login", "submission-login"}

// ends is the ways in which dovecot says that a session ended before it began, for a reason.
func ends(reason, action, outcome string) (all []saying) {
	for _, how := range []string{"Disconnected", "Aborted login", "Login aborted", "Client has quit the connection", "Remote closed connection"} {
		all = append(all,
			saying{how + "{*}" + reason + " user=<{user}>,{? method={w},} rip={from}{?, {*}}", action, outcome},
			saying{how + "{*}" + reason + "{? method={w},} rip={from}{?, {*}}", action, outcome})
	}
	return all
}

// programs is all that is understood. Each action is said once for an attempt: where a program tells the same attempt in
// several lines, as sshd does, each has an action of its own, and the one ending in _login is the verdict.
var programs = []program{
	{names: []string{"sshd", "sshd-session", "sshd-auth"}, category: "authentication", sayings: slices.Concat(
		peer("Accepted {w} for {user}", "ssh_login", success),
		peer("Failed none for invalid user {user}", "ssh_none", failure),
		peer("Failed none for {user}", "ssh_none", failure),
		peer("Failed publickey for invalid user {user}", "ssh_login", failure),
		peer("Failed publickey for {user}", "ssh_key", failure), // a client offers one key after another
		peer("Failed {w} for invalid user {user}", "ssh_login", failure),
		peer("Failed {w} for illegal user {user}", "ssh_login", failure),
		peer("Failed {w} for {user}", "ssh_login", failure),
	)},
	{names: []string{"sshd", "sshd-session", "sshd-auth"}, category: "authentication", sayings: []saying{
		{"Invalid user {user} from {from}{? port {port}}", "ssh_unknown_user", failure},
		{"Illegal user {user} from {from}{? port {port}}", "ssh_unknown_user", failure},
		{"User {user} from {from} not allowed because {*}", "ssh_not_allowed", failure},
		{"ROOT LOGIN REFUSED FROM {from}{? port {port}}", "ssh_not_allowed", failure},
		{"PAM: User not known to the underlying authentication module for {?illegal user }{user} from {from}", "ssh_pam", failure},
		{"PAM: {w} {w} for {?illegal user }{user} from {from}{? via {w}}", "ssh_pam", failure},
		{"maximum authentication attempts exceeded for {?invalid user }{user} from {from}{? port {port}{? ssh{w}}}", "ssh_gave_up", failure},
		{"Disconnecting {?invalid user }{?authenticating user }{user} {from} port {port}: {*}", "ssh_gave_up", failure},
		{"Connection {w} by invalid user {user} {from} port {port}", "ssh_gave_up", failure},
		{"Connection {w} by authenticating user {user} {from} port {port}", "ssh_gave_up", failure},
		{"Disconnected from {?invalid user }{?authenticating user }{user} {from} port {port}", "ssh_gave_up", failure},
		{"refused connect from {*}({from})", "ssh_refused", failure},
		{"refused connect from {from}", "ssh_refused", failure},
	}},
	{names: []string{"sshd", "sshd-session", "sshd-auth"}, category: "network", sayings: []saying{
		{"Connection from {from}{? port {port}}{? on {*}}", "ssh_connect", ""},
		{"Connection closed by {from}{? port {port}}", "ssh_disconnect", ""},
		{"Connection reset by {from}{? port {port}}", "ssh_disconnect", ""},
		{"Disconnected from {from} port {port}", "ssh_disconnect", ""},
		{"Received disconnect from {from}{? port {port}}:{*}", "ssh_disconnect", ""},
		{"Did not receive identification string from {from}{? port {port}}", "ssh_probe", failure},
		{"Bad protocol version identification '{user}' from {from}{? port {port}}", "ssh_probe", failure},
		{"Unable to negotiate with {from} port {port}: {*}", "ssh_probe", failure},
		{"banner exchange: Connection from {from} port {port}: {*}", "ssh_probe", failure},
	}},
	{names: []string{"dropbear"}, category: "authentication", sayings: []saying{
		{"{w} auth succeeded for '{user}' from {from}:{port}", "ssh_login", success},
		{"Pubkey auth succeeded for '{user}' with {*} from {from}:{port}", "ssh_login", success},
		{"Bad password attempt for '{user}' from {from}:{port}", "ssh_login", failure},
		{"Bad PAM password attempt for '{user}' from {from}:{port}", "ssh_login", failure},
		{"bad PAM password attempt for '{user}' from {from}:{port}", "ssh_login", failure},
		{"bad password attempt for '{user}' from {from}:{port}", "ssh_login", failure},
		{"Login attempt for nonexistent user{? '{user}'} from {from}:{port}", "ssh_unknown_user", failure},
		{"login attempt for nonexistent user{? '{user}'} from {from}:{port}", "ssh_unknown_user", failure},
		{"Exit before auth from <{from}:{port}>: (user '{user}', {*}", "ssh_gave_up", failure},
		{"Exit before auth from <{from}:{port}>: {*}", "ssh_gave_up", failure},
		{"Exit before auth (user '{name}', {*}): {*} from {from}:{port}", "ssh_gave_up", failure},
	}},
	{names: mailLogins, category: "authentication", sayings: slices.Concat(
		[]saying{{"Login: user=<{user}>, method={w}, rip={from}{?, {*}}", "mail_login", success}},
		ends(" (auth failed, {*}):", "mail_login", failure),
		ends(" (tried to use {w} plaintext auth):", "mail_login", failure),
		ends(" (proxy dest auth failed):", "mail_login", failure),
	)},
	{names: mailLogins, category: "network", sayings: slices.Concat(
		ends(" (no auth attempts{*}):", "mail_disconnect", ""),
		ends(" (client didn't finish SASL auth{*}):", "mail_disconnect", ""),
		ends(" (disconnected before auth{*}):", "mail_disconnect", ""),
	)},
	{names: []string{"dovecot", "auth", "auth-worker", "dovecot-auth"}, category: "authentication", sayings: []saying{
		{"{*}({user},{from}{?,{*}}): unknown user{*}", "mail_auth", failure},
		{"{*}({user},{from}{?,{*}}): Password mismatch{*}", "mail_auth", failure},
		{"{*}({user},{from}{?,{*}}): invalid credentials{*}", "mail_auth", failure},
		{"{*}({user},{from}{?,{*}}): pam_authenticate() failed: {*}", "mail_auth", failure},
	}},
	{names: []string{"smtpd"}, category: "authentication", sayings: []saying{
		{"warning: {w}[{from}]{?:{port}}: SASL {w} authentication failed: Connection lost to authentication server", "smtp_login", unknown},
		{"warning: {w}[{from}]{?:{port}}: SASL {w} authentication failed: Invalid authentication mechanism", "smtp_login", unknown},
		{"warning: {w}[{from}]{?:{port}}: SASL {w} authentication failed:{*} sasl_username={user}", "smtp_login", failure},
		{"warning: {w}[{from}]{?:{port}}: SASL {w} authentication failed:{*}", "smtp_login", failure},
		{"{w}: client={w}[{from}]{?:{port}}, sasl_method={w}, sasl_username={user}", "smtp_login", success},
	}},
	{names: []string{"smtpd", "postscreen"}, category: "email", sayings: []saying{
		{"{w}: reject: {w} from {?{w}}[{from}]{?:{port}}: {*}", "smtp_reject", failure},
		{"{w}: milter-reject: {w} from {?{w}}[{from}]{?:{port}}: {*}", "smtp_reject", failure},
		{"improper command pipelining after {w} from {w}[{from}]{?:{*}}", "smtp_reject", failure},
		{"too many errors after {w} from {w}[{from}]", "smtp_reject", failure},
	}},
	{names: []string{"smtpd", "postscreen"}, category: "network", sayings: []saying{
		{"connect from {w}[{from}]{?:{port}}", "smtp_connect", ""},
		{"disconnect from {w}[{from}]{? {*}}", "smtp_disconnect", ""},
		{"{?{w}: }lost connection after {w} from {w}[{from}]", "smtp_disconnect", ""},
		{"timeout after {w} from {w}[{from}]", "smtp_disconnect", ""},
		{"CONNECT from [{from}]:{port} to {*}", "smtp_connect", ""},
		{"PREGREET {*} from [{from}]:{port}: {*}", "smtp_probe", failure},
		{"HANGUP after {w} from [{from}]:{port} {*}", "smtp_probe", failure},
		{"COMMAND {w} {w} from [{from}]:{port} {*}", "smtp_probe", failure},
		{"COMMAND {w} {w} {w} from [{from}]:{port} {*}", "smtp_probe", failure},
	}},
	{names: []string{"courieresmtpd"}, category: "authentication", sayings: []saying{
		{"error,relay={from},{?port={port},}msg=\"535 Authentication failed.\"{*}", "smtp_login", failure},
	}},
	{names: []string{"courieresmtpd"}, category: "email", sayings: []saying{
		{"error,relay={from},{*}", "smtp_reject", failure},
	}},
	{names: []string{"named"}, category: "network", sayings: []saying{
		{"client {?@{w} }{from}#{port}{? ({w})}: {*} denied", "dns_denied", failure},
		{"client {?@{w} }{from}#{port}{? ({w})}: bad zone transfer request: {*}", "dns_denied", failure},
		{"{*} client {?@{w} }{from}#{port}{? ({w})}: {*} denied", "dns_denied", failure}, // behind a time and a level of its own
		{"{*} client {?@{w} }{from}#{port}{? ({w})}: bad zone transfer request: {*}", "dns_denied", failure},
	}},
	{names: []string{"nrpe"}, category: "network", sayings: []saying{
		{"Host {from} is not allowed to talk to us!", "service_refused", failure},
	}},
	{names: []string{"sendmail", "sm-mta", "sm-acceptingconnections"}, category: "authentication", sayings: []saying{
		{"{w}: AUTH failure ({w}): {*}, user={user}, relay={?{w} }[{from}]{? (may be forged)}", "smtp_login", failure},
		{"{w}: AUTH failure ({w}): {*}, relay={?{w} }[{from}]{? (may be forged)}", "smtp_login", failure},
		{"{w}: {?{w} }[{from}]{? (may be forged)}: possible SMTP attack: command=AUTH, {*}", "smtp_login", failure},
	}},
	{names: []string{"imapd", "pop3d", "imapd-ssl", "pop3d-ssl", "courierpop3login", "imaplogin"}, category: "authentication", sayings: []saying{
		{"LOGIN FAILED, user={user}, ip=[{from}]{?, port=[{port}]}", "mail_login", failure},
		{"LOGIN FAILED, method={w}, ip=[{from}]{?, port=[{port}]}", "mail_login", failure},
		{"LOGIN, user={user}, ip=[{from}]{?, port=[{port}]}{?, {*}}", "mail_login", success},
	}},
	{names: []string{"imap", "imaps", "imapd", "pop3", "pop3s", "pop3d", "sieve", "timsieved"}, category: "authentication", sayings: []saying{
		{"badlogin: {?{w}}{? }[{from}] {w} {name} SASL{*}", "mail_login", failure},
		{"badlogin: {?{w}}{? }[{from}] {w} [SASL{*}", "mail_login", failure},
		{"badlogin: {?{w}}{? }[{from}] {w} authentication failure", "mail_login", failure},
		{"login: {?{w}}{? }[{from}] {name} {w} User logged in{*}", "mail_login", success},
	}},
	{names: []string{"imapd", "ipop3d"}, category: "authentication", sayings: []saying{
		{"Login {w} user={user} auth={w} host={*}[{from}]", "mail_login", failure},
		{"Login excessive login failures user={user} auth={w} host={*}[{from}]", "mail_login", failure},
		{"Failed {w} override of user={user}  host={*}[{from}]", "mail_login", failure},
	}},
	{names: []string{"solid-pop3d"}, category: "authentication", sayings: []saying{
		{"authentication failed: no such user: {user} - {from}", "mail_login", failure},
		{"authentication failed: can't map user name: {user} - {from}", "mail_login", failure},
		{"{?APOP }authentication failed for {?mapped }user {user} - {from}", "mail_login", failure},
		{"can't find APOP secret for user {user} - {from}", "mail_login", failure},
		{"root login not allowed - {from}", "mail_login", failure},
	}},
	{names: []string{"vsftpd"}, category: "authentication", sayings: []saying{
		{"{?[pid {w}] }[{user}] FAIL LOGIN: Client \"{from}\"{?, {*}}", "ftp_login", failure},
		{"{?[pid {w}] }[{user}] OK LOGIN: Client \"{from}\"{?, {*}}", "ftp_login", success},
	}},
	{names: []string{"proftpd"}, category: "authentication", sayings: []saying{
		{"{w} ({w}[{from}]): {?- }USER {user}: Login successful{*}", "ftp_login", success},
		{"{?{w} }({w}[{from}]){?:}{? -} USER {user} (Login failed): {*}", "ftp_login", failure},
		{"{?{w} }({w}[{from}]){?:}{? -} USER {user}: no such user found from {*}", "ftp_login", failure},
		{"{?{w} }({w}[{from}]){?:}{? -} SECURITY VIOLATION: {name} login attempted{?.}", "ftp_login", failure},
		{"{?{w} }({w}[{from}]){?:}{? -} Maximum login attempts {*}", "ftp_gave_up", failure},
	}},
	{names: []string{"pure-ftpd"}, category: "authentication", sayings: []saying{
		{"(?@{from}) [WARNING] Authentication failed for user [{user}]", "ftp_login", failure},
		{"(?@{from}) [INFO] {user} is now logged in", "ftp_login", success},
	}},
	{names: []string{"wu-ftpd"}, category: "authentication", sayings: []saying{
		{"failed login from {w} [{from}]", "ftp_login", failure},
	}},
	{names: []string{"ftpd"}, category: "authentication", sayings: []saying{
		{"repeated login failures from {from}{? {*}}", "ftp_login", failure},
		{"FTP LOGIN FAILED FROM {from}, {user}", "ftp_login", failure},
	}},
	{names: []string{"roundcube"}, category: "authentication", sayings: []saying{
		{"{?<{w}> }IMAP Error: Login failed for {user} from {from}{?({*})}. AUTHENTICATE {*}", "web_login", failure},
		{"{?<{w}> }IMAP Error: Login failed for {user} from {from}{?({*})}{?. {*}}", "web_login", failure},
		{"{?<{w}> }Failed login for {user} from {from} in session {*}", "web_login", failure},
	}},
	{names: []string{"pvedaemon", "pveproxy"}, category: "authentication", sayings: []saying{
		{"authentication failure; rhost={from} user={user} msg={*}", "web_login", failure},
		{"successful auth for user '{user}'", "web_login", success},
	}},
	{names: []string{"webmin"}, category: "authentication", sayings: []saying{
		{"Invalid login as {user} from {from}", "web_login", failure},
		{"Non-existent login as {user} from {from}", "web_login", failure},
		{"Successful login as {user} from {from}", "web_login", success},
	}},
	{names: []string{"phpMyAdmin"}, category: "authentication", sayings: []saying{
		{"user denied: {user} ({w}) from {from}", "web_login", failure},
		{"user authenticated: {user} from {from}", "web_login", success},
	}},
	{names: []string{"screensharingd"}, category: "authentication", sayings: []saying{
		{"Authentication: SUCCEEDED :: User Name: {user} :: Viewer Address: {from} :: Type: {*}", "screen_login", success},
		{"Authentication: FAILED :: User Name: {user} :: Viewer Address: {from} :: Type: {*}", "screen_login", failure},
	}},
	{names: []string{"xinetd"}, category: "authentication", sayings: []saying{
		{"FAIL: {w} {w} from={from}", "service_refused", failure},
	}},
	{names: []string{"su"}, category: "authentication", sayings: []saying{
		{"FAILED SU (to {name}) {*}", "su", failure},
		{"FAILED su (to {name}) {*}", "su", failure},
		{"FAILED su for {name} by {*}", "su", failure},
		{"Successful su for {name} by {*}", "su", success},
		{"(to {name}) {*} on {*}", "su", success},
		{"'su {name}' failed for {*}", "su", failure},
		{"'su {name}' succeeded for {*}", "su", success},
		{"BAD SU {w} to {name} on {*}", "su", failure},
	}},
	{names: []string{"sudo"}, category: "authentication", sayings: []saying{
		{"{name} : {w} incorrect password attempt{*}", "sudo_login", failure},
		{"{name} : user NOT in sudoers{*}", "sudo_refused", failure},
		{"{name} : user NOT authorized{*}", "sudo_refused", failure},
		{"{name} : command not allowed{*}", "sudo_refused", failure},
		{"{name} : a password is required{*}", "sudo_login", failure},
	}},
	{names: []string{"sudo"}, category: "process", sayings: []saying{
		{"{name} : {*}COMMAND={*}", "sudo_command", success},
	}},
	{names: []string{"login"}, category: "authentication", sayings: []saying{
		{"FAILED LOGIN {w} FROM {from} FOR {user}, {*}", "console_login", failure},
		{"FAILED LOGIN ({w}) on '{w}' from '{from}' FOR '{user}', {*}", "console_login", failure},
		{"FAILED LOGIN ({w}) on '{w}' FOR '{user}', {*}", "console_login", failure},
		{"ROOT LOGIN {*}", "console_root_login", success},
		{"LOGIN ON {w} BY {user} FROM {from}", "console_login", success},
		{"LOGIN ON {w} BY {user}", "console_login", success},
	}},
}

// modules is what PAM's modules say in the name of any program. user= is missing where they know no such user; the
// sender of ruser is the client.
var modules = program{category: "authentication", sayings: []saying{
	{"authentication failure; logname={o} uid={o} euid={o} tty={o} ruser= rhost={from}{? } user={user}", "pam_auth", failure},
	{"authentication failure; logname={*} ruser={user} rhost={from}{? } user={user}", "pam_auth", failure},
	{"authentication failure; logname={*} ruser={user} rhost={? } user={user}", "pam_auth", failure},
	{"authentication failure; logname={*} ruser={user} rhost={from}{? }", "pam_auth", failure},
	{"authentication failure; logname={*} ruser={user} rhost=", "pam_auth", failure},
}}

// sessions is what PAM's modules say of those who are in.
var sessions = program{category: "session", sayings: []saying{
	{"session opened for user {user}(uid={w}) by {*}", "session_opened", ""},
	{"session opened for user {user} by {*}", "session_opened", ""},
	{"session opened for user {user}", "session_opened", ""},
	{"session closed for user {user}", "session_closed", ""},
}}
