package syslog_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/parser/parsertest"
	"tocsin/internal/parser/syslog"
)

// facts returns what a message tells of somebody coming in: action, outcome, user and origin of each event, or a dash.
func facts(t *testing.T, line string) (all []string) {
	t.Helper()
	p, err := syslog.Format().Default().New()
	if err != nil {
		t.Fatal(err)
	}
	rows, bad := parsertest.Rows(t, event.Log, p, []byte(line), parsertest.Received)
	if bad != nil {
		t.Fatalf("Parse(%q) = %v", line, bad)
	}
	for _, r := range rows {
		var row map[string]any
		if err := json.Unmarshal([]byte(r), &row); err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, f := range []string{"event.action", "event.outcome", "user.name", "source.ip", "source.domain", "source.port"} {
			if v, ok := row[f]; ok {
				words = append(words, fmt.Sprint(v))
			}
		}
		if len(words) == 0 {
			words = []string{"-"}
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

// Who chooses a name must not be able to choose the address, the user or the outcome that is read.
func TestHostileNames(t *testing.T) {
	for _, c := range []struct{ tag, message, want string }{
		{"sshd[1]", "Failed password for invalid user root from 1.2.3.4 port 22 ssh2 from 5.6.7.8 port 9 ssh2",
			"ssh_login failure root from 1.2.3.4 port 22 ssh2 5.6.7.8 9"},
		{"sshd[1]", "Failed password for invalid user root from 1.2.3.4 port 22 ssh2: x from 5.6.7.8 port 9 ssh2",
			"ssh_login failure root from 1.2.3.4 port 22 ssh2: x 5.6.7.8 9"},
		{"sshd[1]", "Failed password for invalid user x from 1.2.3.4 from 5.6.7.8 port 9 ssh2", "ssh_login failure x from 1.2.3.4 5.6.7.8 9"},
		{"sshd[1]", "Failed publickey for invalid user x from 1.2.3.4 port 2 ssh2: RSA SHA256:a from 5.6.7.8 port 9 ssh2: RSA SHA256:b",
			"ssh_login failure x from 1.2.3.4 port 2 ssh2: RSA SHA256:a 5.6.7.8 9"},
		{"sshd[1]", "Invalid user Accepted password for root from 1.2.3.4 port 22 ssh2 from 5.6.7.8 port 9",
			"ssh_unknown_user failure Accepted password for root from 1.2.3.4 port 22 ssh2 5.6.7.8 9"},
		{"sshd[1]", "Connection closed by invalid user a 1.2.3.4 port 22 5.6.7.8 port 9 [preauth]", "ssh_gave_up failure a 1.2.3.4 port 22 5.6.7.8 9"},
		{"sshd[1]", "Bad protocol version identification 'x' from 1.2.3.4 port 22' from 5.6.7.8 port 9", "ssh_probe failure 5.6.7.8 9"},
		{"sshd[1]", "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser=rhost=1.2.3.4 rhost=5.6.7.8",
			"pam_auth failure rhost=1.2.3.4 5.6.7.8"},
		{"sshd[1]", "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=5.6.7.8  user=a rhost=1.2.3.4",
			"pam_auth failure a rhost=1.2.3.4 5.6.7.8"},
		{"dovecot", "imap-login: Login: user=<a>, method=PLAIN, rip=1.2.3.4, lip=1.1.1.1, x>, method=PLAIN, rip=5.6.7.8, lip=9.9.9.9",
			"mail_login success a>, method=PLAIN, rip=1.2.3.4, lip=1.1.1.1, x 5.6.7.8"},
		{"dovecot", "imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<a>, method=PLAIN, rip=1.2.3.4, lip=x>, rip=5.6.7.8, lip=9.9.9.9",
			"mail_login failure a>, method=PLAIN, rip=1.2.3.4, lip=x 5.6.7.8"},
		{"dovecot", "auth: pam(a,1.2.3.4): unknown user,5.6.7.8): unknown user", "mail_auth failure a,1.2.3.4): unknown user 5.6.7.8"},
		{"roundcube", "IMAP Error: Login failed for a from 1.2.3.4 from 5.6.7.8", "web_login failure a from 1.2.3.4 5.6.7.8"},
		{"vsftpd[1]", `[a] FAIL LOGIN: Client "1.2.3.4"] FAIL LOGIN: Client "5.6.7.8"`, `ftp_login failure a] FAIL LOGIN: Client "1.2.3.4" 5.6.7.8`},
		{"app", "Failed password for root from 1.2.3.4 port 22 ssh2", "-"}, // any program can write what sshd writes
		{"sshd[1]", "Failed password for root from 1.2.3.4 port 123456 ssh2", "-"},
		{"sshd[1]", "Failed password for root from 1.2.3.4 port 99999 ssh2", "ssh_login failure root 1.2.3.4"},
		{"sshd[1]", "Failed password for root from 999.2.3.4 port 22 ssh2", "ssh_login failure root 999.2.3.4 22"},
		{"sshd[1]", "Failed password for " + strings.Repeat("a", 300) + " from 1.2.3.4 port 22 ssh2", "-"},
		{"sshd[1]", "Failed password for " + strings.Repeat(" from ", 40) + " from 5.6.7.8 port 9 ssh2",
			"ssh_login failure " + strings.Repeat(" from ", 40) + " 5.6.7.8 9"},
	} {
		line := "Mar 10 11:59:58 host " + c.tag + ": " + c.message
		if got := strings.Join(facts(t, line), "|"); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", line, got, c.want)
		}
	}
}

// Each program's attempts end as its verdicts say, whichever way the message came.
func TestLogins(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{"sshd[1]: Accepted publickey for alice from 2001:db8::7 port 50022 ssh2: ED25519 SHA256:abc", "ssh_login success alice 2001:db8::7 50022"},
		{"sshd-session[1]: Accepted password for alice from ::ffff:192.0.2.7 port 50022 ssh2", "ssh_login success alice 192.0.2.7 50022"},
		{"sshd[1]: Failed publickey for alice from 192.0.2.7 port 5 ssh2: RSA SHA256:abc", "ssh_key failure alice 192.0.2.7 5"},
		{"sshd[1]: Failed none for invalid user admin from 192.0.2.7 port 5 ssh2", "ssh_none failure admin 192.0.2.7 5"},
		{"sshd[1]: pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)", "session_opened alice"},
		{"sshd[1]: pam_unix(sshd:session): session closed for user alice", "session_closed alice"},
		{"sshd[1]: Server listening on 0.0.0.0 port 22.", "-"},
		{"su[1]: FAILED SU (to root) alice on pts/0", "su failure root"},
		{"su[1]: (to root) alice on pts/0", "su success root"},
		{"sudo:    alice : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls", "sudo_login failure alice"},
		{"sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls", "sudo_command success alice"},
		{"sudo: mallory : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh", "sudo_refused failure mallory"},
		{"login[1]: FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure", "console_login failure root"},
		{"login[1]: LOGIN ON tty1 BY alice", "console_login success alice"},
		{"postfix/submission/smtpd[1]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", "smtp_login failure 192.0.2.7"},
		{"postfix/smtpd[1]: warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: authentication failure, sasl_username=a@example.org",
			"smtp_login failure a@example.org 192.0.2.7"},
		{"postfix/smtpd[1]: 4F1B22A01C: client=mx.example.org[192.0.2.7], sasl_method=PLAIN, sasl_username=alice", "smtp_login success alice 192.0.2.7"},
		{"dovecot: imap-login: Login: user=<alice>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, mpid=17, TLS, session=<6brQWt>", "mail_login success alice 192.0.2.8"},
		{"pure-ftpd: (?@192.0.2.7) [INFO] alice is now logged in", "ftp_login success alice 192.0.2.7"},
		{"dropbear[1]: Password auth succeeded for 'alice' from 192.0.2.7:5543", "ssh_login success alice 192.0.2.7 5543"},
	} {
		for _, head := range []string{"Mar 10 11:59:58 host ", "<38>Mar 10 11:59:58 host ", "2024-03-10T11:59:58.123456+01:00 host "} {
			if got := strings.Join(facts(t, head+c.message), "|"); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", head+c.message, got, c.want)
			}
		}
	}
}

// A message that stands for several counts as so many, but one line cannot be made into any number.
func TestRepeated(t *testing.T) {
	const head, said = "Mar 10 11:59:58 host sshd[1]: ", "Failed password for root from 192.0.2.7 port 5 ssh2"
	for _, c := range []struct {
		message string
		want    int
		fact    string
	}{
		{"message repeated 5 times: [ " + said + "]", 5, "ssh_login failure root 192.0.2.7 5"},
		{"message repeated 1000 times: [ " + said + "]", 1000, "ssh_login failure root 192.0.2.7 5"},
		{"message repeated 1001 times: [ " + said + "]", 1000, "ssh_login failure root 192.0.2.7 5"},
		{"message repeated 999999999 times: [ " + said + "]", 1000, "ssh_login failure root 192.0.2.7 5"},
		{"message repeated 9999999999 times: [ " + said + "]", 1, "-"},
		{"message repeated 0 times: [ " + said + "]", 1, "-"},
		{"message repeated -1 times: [ " + said + "]", 1, "-"},
		{"message repeated 5 times: [ " + said, 1, "-"},
		{"message repeated 500 times: [ " + strings.Repeat("x", 100_000) + "]", 2, "-"},
		{"message repeated 500 times: [ " + strings.Repeat("x", 250_000) + "]", 1, "-"},
		{"message repeated 5 times: [ message repeated 5 times: [ " + said + "]]", 5, "-"},
	} {
		got := facts(t, head+c.message)
		if len(got) != c.want || got[0] != c.fact || got[len(got)-1] != c.fact {
			t.Errorf("%.80s: %d times %q, want %d times %q", c.message, len(got), got[0], c.want, c.fact)
		}
	}
}
