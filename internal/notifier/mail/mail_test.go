package mail_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/mail"
	"tocsin/internal/notifier/notifiertest"
)

func notice() notifier.Notice {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return notifier.Notice{Key: "alert-17-abc-CREATE-mail-alice", Change: notifier.Create, User: "alice", Created: at, Attempt: 1, Alert: alert.Alert{
		ID: 17, RuleName: "ssh-scan", Title: "Größter Scan: 192.0.2.7", Severity: alert.High, Reason: "154 > 100", First: at, Last: at, Triggers: 1,
	}}
}

func config(s *notifiertest.MailServer, tls string) *mail.Config {
	c := mail.Default().(*mail.Config) //nolint:forcetypeassert // it is ours
	c.Server, c.Port, c.TLS, c.CA = "127.0.0.1", s.Port, tls, s.CA
	c.From, c.To, c.Hello, c.Timeout = "Tocsin <tocsin@example.org>", []string{"team@example.org"}, "gate.example.org", time.Minute
	return c
}

func send(t *testing.T, c *mail.Config, n notifier.Notice) (string, error) {
	t.Helper()
	p, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return p.Send(t.Context(), n)
}

// parts opens a mail and returns its header and its bodies by type.
func parts(t *testing.T, l notifiertest.Letter) (netmail.Header, map[string]string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(l.Data))
	if err != nil {
		t.Fatal(err)
	}
	_, settings, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	for r := multipart.NewReader(m.Body, settings["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		bodies[kind] = string(body)
	}
}

// A mail arrives whole over each kind of connection, and its repeat has the same number.
func TestArrives(t *testing.T) {
	for _, mode := range []string{mail.None, mail.StartTLS, mail.Implicit} {
		t.Run(mode, func(t *testing.T) {
			s := notifiertest.Mail(t, mode, time.Now().Add(time.Hour))
			c := config(s, mode)
			if mode == mail.StartTLS {
				c.User, c.Password = "alice", document.NewSecret("open sesame")
			}
			var numbers []string
			for attempt, change := range []notifier.Change{notifier.Create, notifier.Create, notifier.End} {
				n := notice()
				n.Change, n.Attempt, n.To = change, attempt+1, "alice@example.org, Bob <bob@example.org>"
				if change == notifier.End {
					n.Key, n.To = "alert-17-abc-END", ""
				}
				answer, err := send(t, c, n)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(answer, "taken as number 4711") {
					t.Errorf("answer = %q", answer)
				}
				l := <-s.Letters
				if l.TLS != (mode != mail.None) || l.Hello != "gate.example.org" || l.From != "tocsin@example.org" || l.User != c.User {
					t.Errorf("session = %+v", l)
				}
				header, bodies := parts(t, l)
				numbers = append(numbers, header.Get("Message-ID"))
				if header.Get("References") != header.Get("In-Reply-To") || !strings.HasPrefix(header.Get("References"), "<alert-17-") {
					t.Errorf("References = %q", header.Get("References"))
				}
				if header.Get("Auto-Submitted") != "auto-generated" || header.Get("Date") != "Wed, 04 Mar 2026 05:06:07 +0000" {
					t.Errorf("header = %v", header)
				}
				subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
				if err != nil || !strings.Contains(subject, "Größter Scan: 192.0.2.7") {
					t.Errorf("subject = %q, %v", subject, err)
				}
				if !strings.Contains(bodies["text/plain"], "154 > 100") || !strings.Contains(bodies["text/html"], "154 &gt; 100") {
					t.Errorf("bodies = %v", bodies)
				}
				if want := map[bool]string{true: "alice@example.org bob@example.org", false: "team@example.org"}[n.To != ""]; strings.Join(l.To, " ") != want {
					t.Errorf("recipients = %v, want %s", l.To, want)
				}
			}
			if numbers[0] != numbers[1] || numbers[0] == numbers[2] {
				t.Errorf("numbers = %v, want the repeat to have that of the first alone", numbers)
			}
		})
	}
}

// Each way to fail says where and what to do, shows no password, and is given up only when it will fail for ever.
func TestFails(t *testing.T) {
	starttls := notifiertest.Mail(t, mail.StartTLS, time.Now().Add(time.Hour))
	expired := notifiertest.Mail(t, mail.StartTLS, time.Now().Add(-time.Hour))
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	rude, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer rude.Close()
	go func() {
		for {
			c, err := rude.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 hello\r\n250 " + strings.Repeat("x", 1000) + "\r\n999 \x00\xff\r\n"))
			_ = c.Close()
		}
	}()
	port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port } //nolint:forcetypeassert // TCP was asked for
	closed := notifiertest.Free(t, "tcp")
	for name, test := range map[string]struct {
		change    func(*mail.Config, *notifier.Notice)
		want      string
		permanent bool
	}{
		"mailbox unknown":   {func(_ *mail.Config, n *notifier.Notice) { n.To = "nobody@example.org" }, "(check the recipient's address, ", true},
		"refused for now":   {func(_ *mail.Config, n *notifier.Notice) { n.To = "later@example.org" }, `451 "4.7.1 come back later"`, false},
		"no address":        {func(_ *mail.Config, n *notifier.Notice) { n.To = "alice at home" }, `mail for alice: `, true},
		"no recipient":      {func(c *mail.Config, _ *notifier.Notice) { c.To = nil }, "there is no recipient", true},
		"wrong password":    {func(c *mail.Config, _ *notifier.Notice) { c.User, c.Password = "alice", document.NewSecret("hunter2") }, "check user and password", false},
		"nothing there":     {func(c *mail.Config, _ *notifier.Notice) { c.Port = closed }, "nothing listens there", false},
		"silence":           {func(c *mail.Config, _ *notifier.Notice) { c.Port, c.Timeout = port(silent), time.Second }, "no answer within 1s", false},
		"nonsense":          {func(c *mail.Config, _ *notifier.Notice) { c.Port = port(rude) }, "mail to 127.0.0.1:", false},
		"unknown authority": {func(c *mail.Config, _ *notifier.Notice) { c.CA = "" }, "name the authority's certificate with ca", false},
		"expired":           {func(c *mail.Config, _ *notifier.Notice) { c.Port, c.CA = expired.Port, expired.CA }, "certificate is valid", false},
		"other name":        {func(c *mail.Config, _ *notifier.Notice) { c.Server = "localhost" }, "names localhost", false},
		"tls where none is": {func(c *mail.Config, _ *notifier.Notice) { c.TLS = mail.Implicit }, "mail to 127.0.0.1:", false},
	} {
		t.Run(name, func(t *testing.T) {
			c, n := config(starttls, mail.StartTLS), notice()
			test.change(c, &n)
			_, err := send(t, c, n)
			if err == nil {
				t.Fatal("it was sent")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("error = %v, want %q in it", err, test.want)
			}
			if errors.Is(err, notifier.ErrPermanent) != test.permanent {
				t.Errorf("error = %v, permanent: want %v", err, test.permanent)
			}
		})
	}
}

// One bad address keeps no mail from the others; one that is refused for now is waited for, and not for ever.
func TestOneBadAddress(t *testing.T) {
	s := notifiertest.Mail(t, mail.None, time.Now().Add(time.Hour))
	for name, test := range map[string]struct {
		to        string
		attempt   int
		reached   string
		want      string // in the answer, or with fails in the error
		fails     bool
		permanent bool
	}{
		"one of three": {"a@example.org, nobody@example.org, b@example.org", 1, "a@example.org b@example.org", `nobody@example.org>: `, false, false},
		"for now":      {"later@example.org, a@example.org", 2, "a@example.org", "451", true, false},
		"long enough":  {"later@example.org, a@example.org", 3, "a@example.org", "451", false, false},
		"all bad":      {"nobody@example.org, nobody@example.com", 1, "", "550", true, true},
		"some for now": {"nobody@example.org, later@example.com", 5, "", "451", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := notice()
			n.To, n.Attempt = test.to, test.attempt
			answer, err := send(t, config(s, mail.None), n)
			if (err != nil) != test.fails || errors.Is(err, notifier.ErrPermanent) != test.permanent {
				t.Errorf("Send = %q, %v", answer, err)
			}
			said := answer
			if err != nil {
				said = err.Error()
			}
			if !strings.Contains(said, test.want) || strings.ContainsAny(said, "\r\n") || err == nil && !strings.HasPrefix(said, "250 2.0.0 taken as number 4711; without <") {
				t.Errorf("it says %q, want %q in it", said, test.want)
			}
			var reached, numbers []string
			for range strings.Fields(test.reached) {
				l := <-s.Letters
				reached = append(reached, l.To...)
				header, _ := parts(t, l)
				numbers = append(numbers, header.Get("Message-ID"))
			}
			if got := strings.Join(reached, " "); got != test.reached || len(numbers) > 1 && numbers[0] != numbers[1] {
				t.Errorf("reached %q with numbers %q, want %q with the same", got, numbers, test.reached)
			}
		})
	}
}

// An attempt ends with its context.
func TestStops(t *testing.T) {
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := config(&notifiertest.MailServer{Port: silent.Addr().(*net.TCPAddr).Port}, mail.None) //nolint:forcetypeassert // TCP was asked for
	p, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		if conn, err := silent.Accept(); err == nil { // it has called
			stop()
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	if _, err := p.Send(ctx, notice()); err == nil || errors.Is(err, notifier.ErrPermanent) {
		t.Errorf("Send = %v", err)
	}
}

func TestMistakes(t *testing.T) {
	c := &mail.Config{Server: "mail example", Port: 70000, TLS: "maybe", User: "x", From: "nobody", To: []string{"a b"}, Zone: "Mars/Olympus", Hello: "a b"}
	c.Templates.Text = "{{"
	err := c.Validate()
	if err == nil {
		t.Fatal("everything wrong is taken")
	}
	for _, want := range []string{"server", "port", "tls", "user", "from", "to", "zone", "hello", "timeout", "template text:1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not speak of %s:\n%v", want, err)
		}
	}
	open := mail.Default().(*mail.Config) //nolint:forcetypeassert // it is ours
	open.Server, open.From, open.TLS, open.User, open.Password = "mail.example.org", "a@example.org", mail.None, "u", document.NewSecret("p")
	if err := open.Validate(); err == nil || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("a password in the clear: %v", err)
	}
}

// Whatever stands in an alert, it adds no header, no recipient and no part to the mail that the server takes.
func TestForeignText(t *testing.T) {
	s := notifiertest.Mail(t, mail.None, time.Now().Add(time.Hour))
	c := config(s, mail.None)
	p, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	evil := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"x\r\nBcc: evil@example.com", "x\nRCPT TO:<evil@example.com>\n.\n", "\r\n.\r\nQUIT\r\n", "=?utf-8?q?=0d=0aBcc:_evil@example.com?=", "\x00\xff", strings.Repeat("ä", 3000),
	}))
	rapid.Check(t, func(r *rapid.T) {
		n := notice()
		text := evil.Draw(r, "text")
		n.Alert.Title, n.Alert.RuleName, n.Alert.Reason, n.Key, n.Node = text, text, text, "k"+text, text
		n.Alert.Entity = alert.Entity{{Field: "user.name", Value: text}}
		if _, err := p.Send(t.Context(), n); err != nil {
			r.Fatal(err)
		}
		l := <-s.Letters
		if strings.Join(l.To, " ") != "team@example.org" {
			r.Fatalf("recipients = %v", l.To)
		}
		header, bodies := parts(t, l)
		for name := range header {
			switch name {
			case "From", "To", "Subject", "Date", "Message-Id", "References", "In-Reply-To", "Auto-Submitted", "Mime-Version", "Content-Type", "X-Tocsin-Severity", "X-Tocsin-Rule":
			default:
				r.Fatalf("header %s: %q", name, header[name])
			}
		}
		if len(bodies) != 2 {
			r.Fatalf("parts = %v", bodies)
		}
	})
}
