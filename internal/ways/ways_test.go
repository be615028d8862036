package ways_test

import (
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/document"
	"tocsin/internal/notifier/notifiertest"
	"tocsin/internal/notifier/syslog"
	"tocsin/internal/preference"
	"tocsin/internal/ways"
)

func server(s *notifiertest.MailServer, tls string) preference.MailServer {
	m := preference.MailServer{Server: "127.0.0.1", Port: s.Port, TLS: tls, From: "Tocsin <tocsin@example.org>", CA: s.CA}
	if tls == "starttls" {
		m.User, m.Password = "alice", document.NewSecret("open sesame")
	}
	return m
}

func to(addresses ...string) preference.Preferences {
	return preference.Preferences{Mail: preference.Mail{To: addresses}, Zone: "Europe/Berlin"}
}

// Empty settings are no ways: of the server, for all; of a user, for him.
func TestOff(t *testing.T) {
	on := preference.MailServer{Server: "127.0.0.1", From: "a@example.org"}
	both := to("a@example.org")
	both.Syslog.Host = "127.0.0.1"
	for name, test := range map[string]struct {
		server preference.MailServer
		p      preference.Preferences
		want   string
	}{
		"no server":    {preference.MailServer{}, to("a@example.org"), ""},
		"no recipient": {on, preference.Preferences{}, ""},
		"syslog alone": {preference.MailServer{}, both, "syslog:alice udp://127.0.0.1:514?facility=LOCAL0&format=rfc3164 127.0.0.1:514;"},
		"both":         {on, both, "mail:alice a@example.org 127.0.0.1:587;syslog:alice udp://127.0.0.1:514?facility=LOCAL0&format=rfc3164 127.0.0.1:514;"},
	} {
		all, err := (ways.Maker{}).For(test.server, "alice", test.p)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range all {
			got += w.Channel + " " + w.To + " " + w.Via + ";"
		}
		if got != test.want {
			t.Errorf("%s: For = %q, want %q", name, got, test.want)
		}
	}
}

// What the users' package takes as words of syslog, the notifier takes, and no other.
func TestWordsAreThoseOfTheNotifier(t *testing.T) {
	for name, test := range map[string]struct {
		words []string
		put   func(*syslog.Config, string)
	}{
		"protocols":  {preference.Protocols(), func(c *syslog.Config, w string) { c.Transport = w }},
		"formats":    {preference.Formats(), func(c *syslog.Config, w string) { c.Format = w }},
		"facilities": {preference.Facilities(), func(c *syslog.Config, w string) { c.Facility = w }},
	} {
		for _, word := range append(test.words, "") {
			c := syslog.Default().(*syslog.Config) //nolint:forcetypeassert // it is ours
			c.Host = "127.0.0.1"
			test.put(c, word)
			err := c.Validate()
			if (err == nil) != (word != "") {
				t.Errorf("%s %q: %v", name, word, err)
			}
			if word == "" && !strings.HasSuffix(err.Error(), strings.Join(test.words, ", ")) && strings.Count(err.Error(), ",") < len(test.words)-2 {
				t.Errorf("%s: the notifier wants %v, and preferences offer %v", name, err, test.words)
			}
		}
	}
}

// A test message arrives over each kind of connection, and the server's own answer is told.
func TestMailArrives(t *testing.T) {
	for _, tls := range preference.Protections() {
		s := notifiertest.Mail(t, tls, time.Now().Add(time.Hour))
		got := (ways.Maker{}).Try(t.Context(), server(s, tls), "alice", "admin", to("alice@example.org", "bob@example.org"))
		if len(got) != 2 {
			t.Fatalf("%s: Try = %+v", tls, got)
		}
		reached := map[string]bool{}
		for i, address := range []string{"alice@example.org", "bob@example.org"} {
			if got[i].Channel != "mail:alice" || got[i].User != "alice" || got[i].Answer != "250 2.0.0 taken as number 4711" || got[i].Failed != "" ||
				got[i].To != address || !strings.HasPrefix(got[i].Via, "127.0.0.1:") {
				t.Errorf("%s: Try = %+v", tls, got[i])
			}
			l := <-s.Letters
			reached[strings.Join(l.To, " ")] = true
			if l.From != "tocsin@example.org" || !strings.Contains(l.Data, "asked for by admin") {
				t.Errorf("%s: letter = %+v", tls, l)
			}
		}
		if !reached["alice@example.org"] || !reached["bob@example.org"] {
			t.Errorf("%s: reached %v", tls, reached)
		}
	}
}

// Each address has an answer of its own, however many there are.
func TestOneBadAddress(t *testing.T) {
	s := notifiertest.Mail(t, "none", time.Now().Add(time.Hour))
	p := to("a@example.org", "nobody@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org")
	for i, got := range (ways.Maker{}).Try(t.Context(), server(s, "none"), "alice", "alice", p) {
		if bad := got.To == "nobody@example.org"; got.To != p.Mail.To[i] || (got.Failed != "") != bad || (got.Answer != "") == bad {
			t.Errorf("address %d: %+v", i, got)
		}
	}
}

// Each way to fail names the channel, the user, the host and port that were tried, and the remedy, and shows no password.
func TestMailFails(t *testing.T) {
	s := notifiertest.Mail(t, "starttls", time.Now().Add(time.Hour))
	expired := notifiertest.Mail(t, "implicit", time.Now().Add(-time.Hour))
	for name, test := range map[string]struct {
		change func(*preference.MailServer, *preference.Preferences)
		want   string
	}{
		"unreachable":         {func(m *preference.MailServer, _ *preference.Preferences) { m.Port = notifiertest.Free(t, "tcp") }, "nothing listens there: check server, port and firewall"},
		"unknown":             {func(m *preference.MailServer, _ *preference.Preferences) { m.Server = "mail.invalid" }, "(check server)"},
		"bad address":         {func(_ *preference.MailServer, p *preference.Preferences) { p.Mail.To = []string{"nobody@example.org"} }, "(check the recipient's address, "},
		"expired certificate": {func(m *preference.MailServer, _ *preference.Preferences) { *m = server(expired, "implicit") }, "see that the server's certificate is valid"},
		"other authority":     {func(m *preference.MailServer, _ *preference.Preferences) { m.CA = "" }, "name the authority's certificate with ca"},
		"auth refused":        {func(m *preference.MailServer, _ *preference.Preferences) { m.Password = document.NewSecret("hunter2") }, "check user and password"},
		"wrong tls":           {func(m *preference.MailServer, _ *preference.Preferences) { m.TLS = "implicit" }, "mail to 127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			m, p := server(s, "starttls"), to("alice@example.org")
			test.change(&m, &p)
			got := ways.Maker{MailTimeout: time.Minute}.Try(t.Context(), m, "alice", "alice", p)
			if len(got) != 1 || got[0].Answer != "" {
				t.Fatalf("Try = %+v", got)
			}
			for _, want := range []string{"channel mail:alice for user alice: mail to " + m.Server + ":", test.want} {
				if !strings.Contains(got[0].Failed, want) {
					t.Errorf("Failed = %q, want %q in it", got[0].Failed, want)
				}
			}
			if strings.Contains(got[0].Failed, "hunter2") || strings.ContainsAny(got[0].Failed, "\r\n") {
				t.Errorf("Failed = %q", got[0].Failed)
			}
		})
	}
}

// Each user's collector gets his messages over each protocol, in each format and with each facility.
func TestCollector(t *testing.T) {
	collector := notifiertest.Collect(t, time.Now().Add(time.Hour))
	for _, test := range []struct{ protocol, format, facility, want string }{
		{"", "", "", "<134>"}, // LOCAL0, informational; RFC 3164
		{"udp", "rfc5424", "DAEMON", "<30>1 "},
		{"tcp", "cef", "local7", "<190>"},
		{"tls", "json", "AUTH", "<38>1 "},
		{"tls", "leef", "LOCAL3", "<158>"},
	} {
		port := collector.Ports[test.protocol]
		if test.protocol == "" {
			port = collector.Ports["udp"]
		}
		p := preference.Preferences{Syslog: preference.Syslog{Host: "127.0.0.1", Port: port, Protocol: test.protocol, Format: test.format, Facility: test.facility}}
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		by := "by-" + test.protocol + "-" + test.format
		got := (ways.Maker{}).Try(t.Context(), preference.MailServer{CA: collector.CA}, "bob", by, p)
		if len(got) != 1 || got[0].Channel != "syslog:bob" || !strings.Contains(got[0].Answer, "bytes sent") || got[0].Failed != "" {
			t.Errorf("%+v: Try = %+v", test, got)
			continue
		}
		notifiertest.Eventually(t, "a message with "+by, func() bool {
			text, err := os.ReadFile(collector.Output)
			for line := range strings.Lines(string(text)) {
				if strings.Contains(line, by) && strings.HasPrefix(line, test.want) {
					return true
				}
			}
			return err != nil
		})
	}
}

func TestCollectorFails(t *testing.T) {
	p := preference.Preferences{Syslog: preference.Syslog{Host: "127.0.0.1", Port: notifiertest.Free(t, "tcp"), Protocol: "tcp"}}
	got := (ways.Maker{}).Try(t.Context(), preference.MailServer{}, "bob", "bob", p)
	want := "channel syslog:bob for user bob: syslog to " + got[0].Via + " over tcp: "
	if len(got) != 1 || !strings.HasPrefix(got[0].Failed, want) || !strings.HasSuffix(got[0].Failed, "(nothing listens there: check host, port and firewall)") {
		t.Errorf("Try = %+v, want %q", got, want)
	}
	p.Syslog.Protocol = "tls"
	got = (ways.Maker{}).Try(t.Context(), preference.MailServer{CA: "/nowhere/ca.pem"}, "bob", "bob", p)
	if len(got) != 1 || !strings.Contains(got[0].Failed, "channel syslog:bob: ca: ") {
		t.Errorf("Try without the authority's file = %+v", got)
	}
}

// Users make tocsin call no address that is nobody's host, and none outside the networks that an administrator allows,
// whatever name they give it.
func TestGuard(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	called := make(chan struct{}, 16)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			called <- struct{}{}
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	port := listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // TCP was asked for
	for _, test := range []struct {
		host     string
		protocol string
		networks []netip.Prefix
		want     string
	}{
		{"169.254.169.254", "udp", nil, "is no address for a collector"},
		{"169.254.169.254", "tcp", nil, "is no address for a collector"},
		{"::ffff:169.254.169.254", "tcp", nil, "is no address for a collector"},
		{"fe80::1", "tcp", nil, "no address for a collector"},
		{"0.0.0.0", "tcp", nil, "is no address for a collector"},
		{"224.0.0.1", "udp", nil, "is no address for a collector"},
		{"localhost", "tcp", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "alerts.collectors"},
		{"127.0.0.1", "tls", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "alerts.collectors"},
	} {
		p := preference.Preferences{Syslog: preference.Syslog{Host: test.host, Port: port, Protocol: test.protocol}}
		got := ways.Maker{Collectors: test.networks, SyslogTimeout: time.Minute}.Try(t.Context(), preference.MailServer{}, "bob", "bob", p)
		if len(got) != 1 || !strings.Contains(got[0].Failed, test.want) {
			t.Errorf("%s over %s: Try = %+v, want %q", test.host, test.protocol, got, test.want)
		}
	}
	if len(called) > 0 {
		t.Error("it called all the same")
	}
	p := preference.Preferences{Syslog: preference.Syslog{Host: "127.0.0.1", Port: port, Protocol: "tcp"}}
	got := ways.Maker{Collectors: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.Try(t.Context(), preference.MailServer{}, "bob", "bob", p)
	if len(got) != 1 || got[0].Failed != "" {
		t.Errorf("an allowed one: %+v", got)
	}
}

// A notice that was written for an old address goes to the new one.
func TestNewestAddressHolds(t *testing.T) {
	s := notifiertest.Mail(t, "none", time.Now().Add(time.Hour))
	all, err := (ways.Maker{}).For(server(s, "none"), "alice", to("new@example.org"))
	if err != nil || len(all) != 1 {
		t.Fatalf("For = %v, %v", all, err)
	}
	n := notifiertest.Notice()
	n.To = "old@example.org"
	if _, err := all[0].Notifier.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if l := <-s.Letters; strings.Join(l.To, " ") != "new@example.org" {
		t.Errorf("it went to %v", l.To)
	}
}

// Nobody reads the password out of a way.
func TestNoPassword(t *testing.T) {
	m := preference.MailServer{Server: "127.0.0.1", From: "a@example.org", TLS: "starttls", User: "u", Password: document.NewSecret("hunter2")}
	all, err := (ways.Maker{}).For(m, "alice", to("a@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(struct {
		Server any
		Tests  []api.WayTest
	}{m, []api.WayTest{{Channel: all[0].Channel, To: all[0].To, Via: all[0].Via}}})
	if err != nil || strings.Contains(string(text), "hunter2") {
		t.Errorf("it shows %s, %v", text, err)
	}
	if err := (ways.Maker{}).CheckServer(m); err != nil {
		t.Errorf("CheckServer = %v", err)
	}
	m.Server, m.TLS = "mail.example.org", "none"
	if err := (ways.Maker{}).CheckServer(m); err == nil || !strings.Contains(err.Error(), "in the clear") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("CheckServer of a password in the clear = %v", err)
	}
	m.TLS, m.CA = "starttls", "/nowhere/ca.pem"
	if err := (ways.Maker{}).CheckServer(m); err == nil || !strings.Contains(err.Error(), "/nowhere/ca.pem") {
		t.Errorf("CheckServer without the authority's file = %v", err)
	}
}
