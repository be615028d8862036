package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/notifier/notifiertest"
)

// tellConfig listens over TCP; whom alerts are told is for users to say. It has one rule that is everybody's.
const tellConfig = `http: {listen: "127.0.0.1:0"}
journal: {free_floor: "off"}
sources: {syslog: [], flows: []}
rules:
  - name: anybody
    from: log
    where: service.name == "all"
    detect: {threshold: {metric: count, by: [user.name], over: 10m, at_least: 1}}
    severity: HIGH
`

// A person is an account of a daemon, at a shell of its own.
type person struct {
	t                 *testing.T
	name, base, token string
	dir               string
}

// run runs the program as the person, and wants an exit code.
func (p *person) run(want int, args ...string) string {
	p.t.Helper()
	cmd := command(p.t, filepath.Join(p.dir, "none"), "", args...)
	cmd.Env = append(cmd.Env, "TOCSIN_SERVER="+p.base, "TOCSIN_TOKEN="+p.token)
	out, err := cmd.CombinedOutput()
	if exitCode(p.t, err) != want {
		p.t.Fatalf("%s: tocsin %s: %v, want exit code %d: %s", p.name, strings.Join(args, " "), err, want, out)
	}
	return string(out)
}

// has wants texts in what a run said.
func (p *person) has(said string, texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			p.t.Errorf("%s was told %q, want %q in it", p.name, said, text)
		}
	}
}

// people makes an administrator, alice, and two ordinary accounts with a rule each about events of a service of their name.
func people(t *testing.T, d *daemon, config, base string) map[string]*person {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "password"), "correct horse battery\n", 0o600)
	own := func(args ...string) string {
		t.Helper()
		out, err := command(t, d.dir, "", append(args, "--config", config)...).Output()
		if err != nil {
			t.Fatalf("tocsin %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	all := map[string]*person{}
	for _, name := range []string{"alice", "bob", "carol"} {
		add := []string{"users", "add", name, "--password-file", filepath.Join(dir, "password")}
		if name == "alice" {
			add = append(add, "--admin")
		} else {
			defer func() { // when both are there
				rule := filepath.Join(dir, name+".yaml")
				write(t, rule, fmt.Sprintf("name: of-%s\nfrom: log\nwhere: service.name == %q\ndetect: {threshold: {metric: count, by: [user.name], over: 10m, at_least: 1}}\nseverity: HIGH\n", name, name), 0o600)
				own("rules", "add", "--owner", name, rule)
			}()
		}
		own(add...)
		all[name] = &person{t: t, name: name, base: base, token: own("tokens", "make", name, "--scope", "admin"), dir: dir}
	}
	return all
}

// happens posts one event of a service about somebody.
func (d *daemon) happens(service, about string) {
	d.t.Helper()
	line := fmt.Sprintf("{\"@timestamp\":%q,\"service.name\":%q,\"user.name\":%q}\n", time.Now().UTC().Format(time.RFC3339Nano), service, about)
	if err := d.post("", []byte(line)); err != nil {
		d.t.Fatal(err)
	}
}

// letter is the next mail that a server takes, to whom it says it goes.
func letter(t *testing.T, s *notifiertest.MailServer, to, about string) {
	t.Helper()
	select {
	case l := <-s.Letters:
		if strings.Join(l.To, " ") != to || !strings.Contains(l.Data, about) {
			t.Errorf("a mail to %v: %s; want one to %s about %s", l.To, l.Data, to, about)
		}
	case <-time.After(patience):
		t.Fatalf("no mail to %s about %s", to, about)
	}
}

// The administrator sets the mail server and each user to whom his mail goes; each is told of what is his, over the ways that
// he has now. Nobody but the administrator sets server, port and sender, and nobody is shown the password.
func TestUsersAreTold(t *testing.T) {
	t.Parallel()
	smtp, collector := notifiertest.Mail(t, "starttls", time.Now().Add(time.Hour)), notifiertest.Collect(t, time.Now().Add(time.Hour))
	config := filepath.Join(t.TempDir(), "tocsin.yaml")
	write(t, config, tellConfig, 0o600)
	d := start(t, t.TempDir(), config, "")
	base := d.told(`"page":"(http://127\.0\.0\.1:\d+)"`)
	all := people(t, d, config, base)
	alice, bob, carol := all["alice"], all["bob"], all["carol"]
	write(t, filepath.Join(alice.dir, "smtp"), "open sesame\n", 0o600)

	var authorities []byte
	for _, ca := range []string{smtp.CA, collector.CA} {
		text, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		authorities = append(authorities, text...)
	}
	ca := filepath.Join(alice.dir, "ca.pem")
	write(t, ca, string(authorities), 0o600)

	// The administrator; what the server answers is shown.
	set := []string{"settings", "mail", "set", "--server", "127.0.0.1", "--port", fmt.Sprint(smtp.Port), "--from", "tocsin@example.org", "--user", "alice", "--ca", ca}
	write(t, filepath.Join(alice.dir, "wrong"), "hunter2\n", 0o600)
	said := alice.run(1, append(set, "--password-file", filepath.Join(alice.dir, "wrong"), "--test-to", "alice@example.org", "--must-work")...)
	alice.has(said, "nothing is stored: channel mail:alice for user alice: mail to 127.0.0.1:", "check user and password")
	said += alice.run(0, append(set, "--password-file", filepath.Join(alice.dir, "smtp"), "--test-to", "alice@example.org")...)
	alice.has(said, "mail server: stored", ": 250 2.0.0 taken as number 4711")
	letter(t, smtp, "alice@example.org", "asked for by alice")

	// Each user sets his own, and no more.
	bob.refused(smtp)
	said += bob.run(0, "me", "mail", "set", "--to", "bob@example.org")
	bob.has(said, "preferences of bob: stored", "mail:bob: test message to bob@example.org by 127.0.0.1:", ": 250 2.0.0 taken as number 4711")
	letter(t, smtp, "bob@example.org", "asked for by bob")
	bob.has(bob.run(1, "me", "mail", "set", "--to", "bob@example.org,nobody@example.org"), "preferences of bob: stored", "channel mail:bob for user bob: mail to 127.0.0.1:", "550")
	letter(t, smtp, "bob@example.org", "asked for by bob") // one bad address is no matter of the other
	said += carol.run(0, "me", "syslog", "set", "--host", "127.0.0.1", "--port", fmt.Sprint(collector.Ports["tls"]), "--protocol", "tls", "--format", "rfc5424", "--facility", "LOCAL3")
	carol.has(said, "syslog:carol: test message to tls://127.0.0.1:")

	// Each is told of his own alerts, and all of everybody's.
	d.happens("bob", "mallory")
	letter(t, smtp, "bob@example.org", "mallory")
	d.happens("carol", "trudy")
	notifiertest.Eventually(t, "carol's collector is told", func() bool { return count(t, collector, "<155>1 ", "of-carol") == 1 })
	d.happens("all", "oscar")
	letter(t, smtp, "bob@example.org", "oscar")
	notifiertest.Eventually(t, "carol's collector is told of everybody's", func() bool { return count(t, collector, "<155>1 ", "anybody") == 1 })
	if n := count(t, collector, "of-bob"); n != 0 {
		t.Errorf("carol was told %d times of bob's rule", n)
	}

	// A change holds at once: another address, quiet hours, off.
	bob.run(0, "me", "mail", "set", "--to", "robert@example.org", "--no-test")
	d.happens("bob", "peggy")
	letter(t, smtp, "robert@example.org", "peggy")
	day := strings.ToLower(time.Now().UTC().AddDate(0, 0, 3).Format("Mon"))
	bob.run(0, "me", "quiet", "set", "--from", "00:00", "--to", "24:00", "--days", notOn(day))
	d.happens("bob", "victor")
	d.eventually("bob's notice is held", func() bool { return d.notice("victor", "mail:bob") == "held" })
	bob.run(0, "me", "quiet", "off")
	bob.run(0, "me", "severity", "CRITICAL")
	d.happens("bob", "wendy")
	d.eventually("bob is not told of what is not severe enough", func() bool { return d.notice("wendy", "mail:bob") == "muted" })
	bob.run(0, "me", "severity", "INFO")
	carol.run(0, "me", "syslog", "off")
	d.happens("all", "sybil")
	letter(t, smtp, "robert@example.org", "sybil")
	alice.run(0, "settings", "mail", "off")
	bob.has(bob.run(1, "me", "test"), "there is no mail server")
	d.happens("all", "judy")
	d.eventually("there is an alert that nobody is told of", func() bool { return d.about("judy") != 0 })
	if n := count(t, collector, "sybil") + count(t, collector, "judy"); n != 0 {
		t.Errorf("carol's collector was told %d times though it is off", n)
	}

	// Nobody was shown the password.
	said += alice.run(0, "settings", "mail", "show") + alice.run(0, "audit", "list", "-o", "json") + d.said.String()
	for _, secret := range []string{"open sesame", "hunter2"} {
		if strings.Contains(said, secret) {
			t.Errorf("the password %q was told: %s", secret, said)
		}
	}
	d.stop()
	if len(smtp.Letters) > 0 {
		t.Errorf("a mail too many: %+v", <-smtp.Letters)
	}
}

// refused: an ordinary user sets neither server, port and sender nor what others are told, by API and command line.
func (p *person) refused(smtp *notifiertest.MailServer) {
	p.t.Helper()
	v := &visitor{t: p.t, base: p.base, http: http.DefaultClient}
	for _, q := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/v1/settings/mail", "", 403},
		{"PUT", "/api/v1/settings/mail", `{"server":"evil.example.com","from":"a@example.com"}`, 403},
		{"PUT", "/api/v1/settings/mail", `{"server":""}`, 403},
		{"PUT", "/api/v1/me/preferences", `{"mail":{"to":["p@example.org"],"server":"evil.example.com"}}`, 403},
		{"PUT", "/api/v1/me/preferences", `{"mail":{"to":["p@example.org"],"port":26}}`, 403},
		{"PUT", "/api/v1/me/preferences", `{"mail":{"to":["p@example.org"],"from":"ceo@example.org"}}`, 403},
		{"PUT", "/api/v1/me/preferences", `{"mail":{"user":"x"}}`, 400},
		{"PUT", "/api/v1/me/preferences", `{"user":"alice"}`, 400},
		{"PUT", "/api/v1/me/preferences", `{"mail":{"to":["p@example.org\r\nBcc: evil@example.com"]}}`, 400},
		{"PUT", "/api/v1/users/alice/preferences", `{"mail":{"to":["p@example.org"]}}`, 403},
		{"GET", "/api/v1/users/alice/preferences", "", 403},
		{"POST", "/api/v1/users/alice/test", "", 403},
		{"POST", "/api/v1/me/test", "", 409},
		// As it was told is no change.
		{"PUT", "/api/v1/me/preferences", fmt.Sprintf(`{"mail":{"server":"127.0.0.1","port":%d,"from":"tocsin@example.org"}}`, smtp.Port), 200},
		{"GET", "/api/v1/users/" + p.name + "/preferences", "", 200},
	} {
		text, _ := v.do(bearer(p.token), q.method, q.path, q.body, q.status)
		var told api.Preferences
		if q.method == "GET" && q.status == 200 && (json.Unmarshal([]byte(text), &told) != nil || told.User != p.name || told.Mail.Port != smtp.Port || len(told.Mail.To) != 0) {
			p.t.Errorf("%s %s: %s", q.method, q.path, text)
		}
	}
	for _, args := range [][]string{
		{"settings", "mail", "show"}, {"settings", "mail", "off"}, {"settings", "mail", "set", "--server", "evil.example.com", "--from", "ceo@example.org"},
		{"me", "show", "--for", "alice"}, {"me", "mail", "set", "--to", "p@example.org", "--for", "alice"}, {"me", "test", "--for", "alice"},
	} {
		p.has(p.run(1, args...), "administrator")
	}
}

// notOn lists the days but one.
func notOn(day string) string {
	var days []string
	for _, d := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		if d != day {
			days = append(days, d)
		}
	}
	return strings.Join(days, ",")
}

// count is how many messages of a collector have all of some texts.
func count(t *testing.T, c notifiertest.Collector, texts ...string) (n int) {
	t.Helper()
	text, err := os.ReadFile(c.Output)
	if err != nil {
		t.Fatal(err)
	}
lines:
	for line := range strings.Lines(string(text)) {
		for _, want := range texts {
			if !strings.Contains(line, want) {
				continue lines
			}
		}
		n++
	}
	return n
}

// about is the number of the alert about somebody, 0 when there is none.
func (d *daemon) about(who string) int64 {
	d.t.Helper()
	var found []alert.Alert
	d.ask("GET", "/api/v1/alerts?user=*", &found)
	for _, a := range found {
		if a.Entity.Key() == "user.name="+who {
			return a.ID
		}
	}
	return 0
}

// notice is where the notice about somebody stands that goes over a channel, "" when there is none.
func (d *daemon) notice(who, channel string) string {
	d.t.Helper()
	id := d.about(who)
	if id == 0 {
		return ""
	}
	var story api.AlertStory
	d.ask("GET", fmt.Sprintf("/api/v1/alerts/%d", id), &story)
	for _, n := range story.Notices {
		if n.Channel == channel {
			return n.State
		}
	}
	return ""
}
