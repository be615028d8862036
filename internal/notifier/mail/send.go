package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"strings"
	"syscall"

	gomail "github.com/wneessen/go-mail"

	"tocsin/internal/message"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// A postman sends mail; each attempt has a connection of its own.
type postman struct {
	config Config
	words  *message.Writer
	tls    *tls.Config
}

// Send makes one attempt. The answer is the server's own.
func (p *postman) Send(ctx context.Context, n notifier.Notice) (string, error) {
	letter, err := p.letter(n)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	client, err := p.client(ctx)
	if err != nil {
		return "", fmt.Errorf("mail to %s: %w: %w", p.place(), notifier.ErrPermanent, err)
	}
	if err := client.DialAndSendWithContext(ctx, letter); err != nil && !letter.IsDelivered() {
		return "", p.explain(ctx, err)
	}
	return strings.Join(strings.Fields(letter.ServerResponse()), " "), nil
}

// letter writes the mail. Whatever stands in the alert, it adds no header and no recipient.
func (p *postman) letter(n notifier.Notice) (*gomail.Msg, error) {
	to, err := p.recipients(n)
	if err != nil {
		return nil, err
	}
	words := p.words.Write(n)
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(m.From(p.config.From), m.To(to...)); err != nil {
		return nil, fmt.Errorf("mail for %s: %w: %w", strings.Join(to, ", "), notifier.ErrPermanent, err)
	}
	m.Subject(words.Subject)
	m.SetBodyString(gomail.TypeTextPlain, words.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, words.HTML)
	m.SetDateWithValue(n.Created)
	// A repeat carries the same Message-ID, by which mail programs show it once; all mails about one alert refer to one
	// that never was, and so form a thread (RFC 5322, section 3.6.4).
	domain := p.domain()
	thread := "<" + post.Thread(n) + "@" + domain + ">"
	m.SetMessageIDWithValue(token(n.Key) + "@" + domain)
	m.SetGenHeader("References", thread)
	m.SetGenHeader("In-Reply-To", thread)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody is to answer by machine
	m.SetGenHeader("X-Tocsin-Severity", n.Alert.Severity.String())
	m.SetGenHeader("X-Tocsin-Rule", token(n.Alert.RuleName))
	return m, nil
}

// recipients are whom the notice names, and else those of the configuration.
func (p *postman) recipients(n notifier.Notice) ([]string, error) {
	if n.To == "" {
		if len(p.config.To) == 0 {
			return nil, fmt.Errorf("mail: %w: there is no recipient", notifier.ErrPermanent)
		}
		return p.config.To, nil
	}
	list, err := netmail.ParseAddressList(n.To)
	if err != nil || len(list) > maxRecipients {
		return nil, fmt.Errorf("mail for %s: %w: %q is no list of at most %d addresses", n.User, notifier.ErrPermanent, n.To, maxRecipients)
	}
	to := make([]string, len(list))
	for i, a := range list {
		to[i] = a.String()
	}
	return to, nil
}

// domain is that of the sender, which makes message numbers unique among all senders.
func (p *postman) domain() string {
	from, err := netmail.ParseAddress(p.config.From)
	if err != nil {
		return p.config.Hello
	}
	return from.Address[strings.LastIndexByte(from.Address, '@')+1:]
}

// token keeps what may stand in a message number (RFC 5322, section 3.2.3) and in any header.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_+=", r) {
			return r
		}
		return '_'
	}, s[:min(len(s), 200)])
}

// client returns what speaks SMTP for one attempt. Its connection ends with ctx.
func (p *postman) client(ctx context.Context) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(p.config.Port), gomail.WithTimeout(p.config.Timeout), gomail.WithHELO(p.config.Hello), gomail.WithTLSConfig(p.tls),
		gomail.WithDialContextFunc(func(dialled context.Context, network, address string) (net.Conn, error) {
			conn, err := p.dial(dialled, network, address)
			if err == nil {
				context.AfterFunc(ctx, func() { _ = conn.Close() }) // whoever reads from it hears of that
			}
			return conn, err
		}),
	}
	switch p.config.TLS {
	case None:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Implicit:
		options = append(options, gomail.WithSSL())
	}
	if p.config.User != "" {
		how := gomail.SMTPAuthAutoDiscover
		if p.config.TLS == None {
			how = gomail.SMTPAuthPlainNoEnc // to this machine only, as Validate sees to
		}
		options = append(options, gomail.WithSMTPAuth(how), gomail.WithUsername(p.config.User), gomail.WithPassword(p.config.Password.Reveal()))
	}
	return gomail.NewClient(p.config.Server, options...)
}

func (p *postman) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if p.config.TLS == Implicit {
		return (&tls.Dialer{Config: p.tls}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// explain says what went wrong and what can be done about it. What the server refuses for good is not tried again.
func (p *postman) explain(ctx context.Context, err error) error {
	said := strings.ReplaceAll(err.Error(), "\n", " ")
	if secret := p.config.Password.Reveal(); secret != "" {
		said = strings.ReplaceAll(said, secret, "***")
	}
	var refused *gomail.SendError
	var certificate *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name *net.DNSError
	advice := ""
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		advice = fmt.Sprintf(" (no answer within %v)", p.config.Timeout)
	case errors.As(err, &refused) && refused.ErrorCode() >= 500:
		return fmt.Errorf("mail to %s: %w: %s", p.place(), notifier.ErrPermanent, said)
	case errors.As(err, &unknown):
		advice = " (name the authority's certificate with ca)"
	case errors.As(err, &certificate):
		advice = " (see that the server's certificate is valid and names " + p.config.Server + ")"
	case errors.As(err, &name):
		advice = " (check server)"
	case errors.Is(err, syscall.ECONNREFUSED):
		advice = " (nothing listens there: check server, port and firewall)"
	case strings.Contains(said, "STARTTLS"):
		advice = " (the server offers no TLS on this port: check port, or set tls)"
	case strings.Contains(strings.ToLower(said), "auth"):
		advice = " (check user and password)"
	}
	return fmt.Errorf("mail to %s: %s%s", p.place(), said, advice)
}
