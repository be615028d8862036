package preference

import (
	"encoding/json"
	"errors"
	"fmt"
	netmail "net/mail"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/document"
)

// A MailServer is where the mail of all users is handed in, as administrators set it.
type MailServer struct {
	// Server is the name or address of an SMTP server; empty switches the mail of all users off.
	Server string
	// Port is its port; 0 is 25 for none, 587 for starttls, 465 for implicit.
	Port int
	// From is the sender, as in tocsin@example.org or Tocsin <tocsin@example.org>.
	From string
	// TLS is none, starttls or implicit; empty is starttls.
	TLS string
	// User and Password are for servers that want to know who sends; both or neither.
	User     string
	Password document.Secret
	// CA is a file of certificates in PEM, on the machine where tocsin runs, that servers are held against besides those of the
	// system. It serves users' collectors over TLS as well.
	CA string
}

// stored is a MailServer as the ledger has it, which alone holds the password.
type stored struct {
	Server   string `json:"server"`
	Port     int    `json:"port,omitempty"`
	From     string `json:"from,omitempty"`
	TLS      string `json:"tls,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	CA       string `json:"ca,omitempty"`
}

// MailServerSetting is the setting of the ledger that holds a MailServer.
const MailServerSetting = "mail server"

// On says that there is a server.
func (m MailServer) On() bool { return m.Server != "" }

// Protections lists what TLS may be.
func Protections() []string { return []string{"none", "starttls", "implicit"} }

// Encode writes a MailServer for the ledger, with its password.
func (m MailServer) Encode() (string, error) {
	text, err := json.Marshal(stored{m.Server, m.Port, m.From, m.TLS, m.User, m.Password.Reveal(), m.CA})
	return string(text), err
}

// DecodeMailServer reads what Encode wrote. It does not validate.
func DecodeMailServer(text string) (MailServer, error) {
	var s stored
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return MailServer{}, errors.New("decode mail server: what the ledger holds is no JSON of a mail server") // which may show a password
	}
	m := MailServer{Server: s.Server, Port: s.Port, From: s.From, TLS: s.TLS, User: s.User, CA: s.CA}
	if s.Password != "" {
		m.Password = document.NewSecret(s.Password)
	}
	return m, nil
}

// Bounds of what an administrator may set, in bytes.
const (
	maxFrom   = 320
	maxSecret = 1024
	maxPath   = 4096
)

// Validate reports every mistake. One without a server has nothing else.
func (m MailServer) Validate() error {
	if !m.On() {
		if m != (MailServer{}) {
			return document.At("server", m.Server, "the name or address of an SMTP server with its other settings, or none of them")
		}
		return nil
	}
	var mistakes []error
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	if !IsHost(m.Server) {
		wrong("server", short(m.Server), "the name or address of an SMTP server, without its port")
	}
	if m.Port < 0 || m.Port > 65535 {
		wrong("port", m.Port, "1 to 65535")
	}
	if !isSender(m.From) {
		wrong("from", short(m.From), "an address such as tocsin@example.org or Tocsin <tocsin@example.org>")
	}
	if m.TLS != "" && !slices.Contains(Protections(), m.TLS) {
		mistakes = append(mistakes, document.Choice("tls", short(m.TLS), Protections()))
	}
	if (m.User == "") != m.Password.IsZero() {
		wrong("user", short(m.User), "both user and password, or neither")
	}
	if len(m.User) > maxSecret || len(m.Password.Reveal()) > maxSecret || hasControl(m.User) || hasControl(m.Password.Reveal()) {
		wrong("user", short(m.User), fmt.Sprintf("user and password of at most %d bytes each, without line breaks and control characters", maxSecret))
	}
	if m.CA != "" && (!filepath.IsAbs(m.CA) || len(m.CA) > maxPath || hasControl(m.CA)) {
		wrong("ca", short(m.CA), "the absolute path of a file on the machine where tocsin runs")
	}
	return errors.Join(mistakes...)
}

// isSender reports whether a text is one address, with or without a name before it.
func isSender(from string) bool {
	if len(from) > maxFrom || hasControl(from) {
		return false
	}
	a, err := netmail.ParseAddress(from)
	return err == nil && BadAddress(a.Address) == ""
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
