// Package mail sends notices by e-mail: plain text and HTML, one thread an alert, over SMTP with or without TLS.
package mail

import (
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"net"
	netmail "net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/document"
	"tocsin/internal/message"
	"tocsin/internal/notifier"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// How a connection is protected.
const (
	None     = "none"     // in the clear
	StartTLS = "starttls" // turned to TLS before anything is said; RFC 3207
	Implicit = "implicit" // TLS from the first byte; RFC 8314
)

const (
	maxTimeout    = time.Minute
	maxRecipients = 100
)

// Config is what an operator writes.
type Config struct {
	// Server is the name or address of the SMTP server. Needed.
	Server string `yaml:"server"`
	// Port is its port. Default: 25 for none, 587 for starttls, 465 for implicit.
	Port int `yaml:"port"`
	// TLS says how the connection is protected: none, starttls or implicit. Default starttls.
	TLS string `yaml:"tls"`
	// CA is a file of certificates in PEM that the server's is held against besides those of the system, as an absolute
	// path. Default none.
	CA string `yaml:"ca"`
	// User and Password are for servers that want to know who sends. The best mechanism that the server knows is used. They
	// are never sent in the clear, but to this machine.
	User     string          `yaml:"user"`
	Password document.Secret `yaml:"password"`
	// Hello is the name by which tocsin greets the server. Default: the name of this machine.
	Hello string `yaml:"hello"`
	// From is the sender, as in tocsin@example.org or Tocsin <tocsin@example.org>. Needed.
	From string `yaml:"from"`
	// To are the recipients of notices that are for nobody in particular.
	To []string `yaml:"to"`
	// Zone is the zone of the times in the text: an IANA name, UTC or Local. Default UTC.
	Zone string `yaml:"zone"`
	// Timeout bounds one attempt; 1s to 1m. Default 30s.
	Timeout time.Duration `yaml:"timeout"`
	// Templates are the words. Default: those that ship with tocsin.
	Templates message.Templates `yaml:"templates"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config {
	return &Config{TLS: StartTLS, Zone: "UTC", Timeout: 30 * time.Second}
}

// Validate reports every mistake.
func (c *Config) Validate() error {
	var mistakes []error
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	if c.Server == "" || strings.ContainsAny(c.Server, " /\r\n\x00") {
		wrong("server", c.Server, "the name or address of an SMTP server, without its port")
	}
	if c.Port < 0 || c.Port > 65535 {
		wrong("port", c.Port, "1 to 65535")
	}
	if c.TLS != None && c.TLS != StartTLS && c.TLS != Implicit {
		wrong("tls", c.TLS, "none, starttls or implicit")
	}
	if (c.User == "") != c.Password.IsZero() {
		wrong("user", c.User, "both user and password, or neither")
	}
	if c.TLS == None && c.User != "" && !loopback(c.Server) {
		wrong("tls", c.TLS, "starttls or implicit with a password, which would be sent in the clear")
	}
	if strings.ContainsAny(c.Hello, " \r\n\x00") {
		wrong("hello", c.Hello, "a name of this machine")
	}
	if _, err := netmail.ParseAddress(c.From); err != nil {
		wrong("from", c.From, "an address such as tocsin@example.org")
	}
	if len(c.To) > maxRecipients {
		wrong("to", len(c.To), "100 recipients or fewer")
	}
	for _, to := range c.To {
		if _, err := netmail.ParseAddress(to); err != nil {
			wrong("to", to, "an address such as alice@example.org")
		}
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		wrong("zone", c.Zone, "an IANA zone such as Europe/Berlin, UTC or Local")
	}
	if c.Timeout < time.Second || c.Timeout > maxTimeout {
		wrong("timeout", c.Timeout, "1s to 1m")
	}
	if _, err := message.New(c.Templates, zone); err != nil {
		mistakes = append(mistakes, err)
	}
	return errors.Join(mistakes...)
}

// loopback reports whether a server is this machine, so that nobody can listen on the way.
func loopback(server string) bool {
	ip := net.ParseIP(server)
	return server == "localhost" || ip != nil && ip.IsLoopback()
}

// New returns the notifier; nothing is connected.
func (c *Config) New() (notifier.Notifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, err
	}
	words, err := message.New(c.Templates, zone)
	if err != nil {
		return nil, err
	}
	p := &postman{config: *c, words: words, tls: &tls.Config{ServerName: c.Server, MinVersion: tls.VersionTLS12}}
	if c.CA != "" {
		if p.tls.RootCAs, err = authorities(c.CA); err != nil {
			return nil, err
		}
	}
	p.config.Port = c.port()
	if p.config.Hello == "" {
		if p.config.Hello, err = os.Hostname(); err != nil || p.config.Hello == "" {
			p.config.Hello = "localhost"
		}
	}
	return p, nil
}

// authorities are those of the system and those in a file.
func authorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, document.At("ca", path, "a file that can be read: "+err.Error())
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, document.At("ca", path, "a file of certificates in PEM")
	}
	return pool, nil
}

// Place is the host and port that are called.
func (c *Config) Place() string { return net.JoinHostPort(c.Server, strconv.Itoa(c.port())) }

func (c *Config) port() int {
	if c.Port == 0 {
		return map[string]int{None: 25, StartTLS: 587, Implicit: 465}[c.TLS]
	}
	return c.Port
}
