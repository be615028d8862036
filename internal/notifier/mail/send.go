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
	to, err := p.recipients(n)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	client, err := p.client(ctx)
	if err != nil {
		return "", fmt.Errorf("mail to %s: %w: %w", p.config.Place(), notifier.ErrPermanent, err)
	}
	letter, err := p.letter(n, to...)
	if err != nil {
		return "", err
	}
	if err := client.DialAndSendWithContext(ctx, letter); err != nil && !letter.IsDelivered() {
		var refused *gomail.SendError
		if len(to) > 1 && errors.As(err, &refused) && refused.Reason == gomail.ErrSMTPRcptTo {
			return p.sendEach(ctx, client, n, to)
		}
		return "", p.explain(ctx, err)
	}
	return said(letter), nil
}

// patience is how many attempts an address that is refused for now holds up the repeat of a mail to others that were reached.
const patience = 3

// sendEach hands a letter in for each recipient by himself, after the server refused some of them, so that one bad address
// keeps no mail from the others. While one is refused for now the whole is tried again, a few times: what comes twice then has
// the same Message-ID.
func (p *postman) sendEach(ctx context.Context, client *gomail.Client, n notifier.Notice, to []string) (string, error) {
	letters := make([]*gomail.Msg, len(to))
	for i, address := range to {
		var err error
		if letters[i], err = p.letter(n, address); err != nil {
			return "", err
		}
	}
	whole := client.DialAndSendWithContext(ctx, letters...)
	var taken string
	var left []error
	now := false // some may be taken later
	for i, letter := range letters {
		if letter.IsDelivered() {
			taken = said(letter)
			continue
		}
		err := letter.SendError()
		if err == nil {
			err = whole // the connection ended before it was its turn
		}
		err = p.explain(ctx, err)
		now = now || !errors.Is(err, notifier.ErrPermanent)
		left = append(left, fmt.Errorf("%s: %w", to[i], err))
	}
	switch {
	case len(left) == 0:
		return taken, nil
	case taken == "", now && n.Attempt < patience:
		return "", joined(left, now)
	}
	return taken + "; without " + joined(left, now).Error(), nil
}

// joined makes one error in one line, to be tried again when some of them are.
func joined(errs []error, again bool) error {
	whole := oneLine{errors.Join(errs...)}
	if again {
		return errors.New(whole.Error())
	}
	return whole
}

// oneLine is an error whose text is one line.
type oneLine struct{ err error }

func (o oneLine) Error() string { return strings.ReplaceAll(o.err.Error(), "\n", "; ") }
func (o oneLine) Unwrap() error { return o.err }

// said is what the server answered when it took a letter: with 250, or it would not be delivered.
func said(letter *gomail.Msg) string {
	return strings.TrimSpace("250 " + strings.Join(strings.Fields(letter.ServerResponse()), " "))
}

// letter writes the mail. Whatever stands in the alert, it adds no header and no recipient.
func (p *postman) letter(n notifier.Notice, to ...string) (*gomail.Msg, error) {
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
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	if secret := p.config.Password.Reveal(); secret != "" {
		text = strings.ReplaceAll(text, secret, "***")
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
		return fmt.Errorf("mail to %s: %w: %s%s", p.config.Place(), notifier.ErrPermanent, text, mend(refused.Reason))
	case errors.As(err, &unknown):
		advice = " (name the authority's certificate with ca)"
	case errors.As(err, &certificate):
		advice = " (see that the server's certificate is valid and names " + p.config.Server + ")"
	case errors.As(err, &name):
		advice = " (check server)"
	case errors.Is(err, syscall.ECONNREFUSED):
		advice = " (nothing listens there: check server, port and firewall)"
	case strings.Contains(text, "STARTTLS"):
		advice = " (the server offers no TLS on this port: check port, or set tls)"
	case strings.Contains(strings.ToLower(text), "auth"):
		advice = " (check user and password)"
	}
	return fmt.Errorf("mail to %s: %s%s", p.config.Place(), text, advice)
}

// Preview implements notifier.Previewer.
func (p *postman) Preview(n notifier.Notice) notifier.Preview {
	return p.words.Preview(n, message.Shipped())
}

// mend is what can be done about what a server refuses for good.
func mend(refused gomail.SendErrReason) string {
	switch refused {
	case gomail.ErrSMTPRcptTo:
		return " (check the recipient's address, and whether the server takes mail for it)"
	case gomail.ErrSMTPMailFrom:
		return " (check from: the server takes no mail of that sender)"
	default:
		return ""
	}
}
