// Package syslog sends notices to a collector of syslog messages, over UDP, TCP or TLS, in the words that it understands:
// RFC 3164, RFC 5424, CEF, LEEF or JSON.
package syslog

import (
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// How messages travel.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
)

// What messages look like.
const (
	RFC3164 = "rfc3164"
	RFC5424 = "rfc5424"
	CEF     = "cef"
	LEEF    = "leef"
	JSON    = "json"
)

const maxTimeout = time.Minute

// Config is what an operator writes.
type Config struct {
	// Host is the name or address of the collector. Needed.
	Host string `yaml:"host"`
	// Port is its port. Default: 514 for udp and tcp, 6514 for tls.
	Port int `yaml:"port"`
	// Transport is udp, tcp or tls. Default udp, which nobody confirms.
	Transport string `yaml:"transport"`
	// CA is a file of certificates in PEM that the collector's is held against besides those of the system, as an absolute
	// path. Default none.
	CA string `yaml:"ca"`
	// Format is rfc3164, rfc5424, cef, leef or json. Default rfc3164.
	Format string `yaml:"format"`
	// Facility is one of RFC 5424, section 6.2.1, such as LOCAL0, DAEMON or AUTH. Default LOCAL0.
	Facility string `yaml:"facility"`
	// Hostname is the name by which tocsin calls itself in messages. Default: the name of this machine.
	Hostname string `yaml:"hostname"`
	// Timeout bounds one attempt; 100ms to 1m. Default 10s.
	Timeout time.Duration `yaml:"timeout"`

	// Allow says whether an address may be called, with the reason why not; nil allows all. It is for collectors that users
	// name, and no setting.
	Allow func(netip.Addr) error `yaml:"-"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config {
	return &Config{Transport: UDP, Format: RFC3164, Facility: "LOCAL0", Timeout: 10 * time.Second}
}

// facilities are the names of RFC 5424, section 6.2.1, by their number.
var facilities = [...]string{
	"KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP",
	"NTP", "AUDIT", "ALERT", "CLOCK", "LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6", "LOCAL7",
}

// Validate reports every mistake.
func (c *Config) Validate() error {
	var mistakes []error
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	if !isHost(c.Host) {
		wrong("host", c.Host, "the name or address of a collector, without its port")
	}
	if c.Port < 0 || c.Port > 65535 {
		wrong("port", c.Port, "1 to 65535")
	}
	if !slices.Contains([]string{UDP, TCP, TLS}, c.Transport) {
		wrong("transport", c.Transport, "udp, tcp or tls")
	}
	if !slices.Contains([]string{RFC3164, RFC5424, CEF, LEEF, JSON}, c.Format) {
		wrong("format", c.Format, "rfc3164, rfc5424, cef, leef or json")
	}
	if !slices.Contains(facilities[:], strings.ToUpper(c.Facility)) {
		wrong("facility", c.Facility, "one of "+strings.Join(facilities[:], ", "))
	}
	if c.Hostname != "" && header(c.Hostname, maxHostname) != c.Hostname {
		wrong("hostname", c.Hostname, "a name of printable ASCII without blanks")
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > maxTimeout {
		wrong("timeout", c.Timeout, "100ms to 1m")
	}
	return errors.Join(mistakes...)
}

func isHost(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsAny(s, " /?#@\r\n\x00")
}

// New returns the notifier; nothing is connected.
func (c *Config) New() (notifier.Notifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &sender{config: *c, tls: &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}, pid: os.Getpid()}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, document.At("ca", c.CA, "a file that can be read: "+err.Error())
		}
		if s.tls.RootCAs, err = x509.SystemCertPool(); err != nil {
			s.tls.RootCAs = x509.NewCertPool()
		}
		if !s.tls.RootCAs.AppendCertsFromPEM(text) {
			return nil, document.At("ca", c.CA, "a file of certificates in PEM")
		}
	}
	if s.config.Hostname == "" {
		name, err := os.Hostname()
		if err != nil {
			name = "-"
		}
		s.config.Hostname = header(name, maxHostname)
	}
	return s, nil
}

// Address writes where a collector is, as a Notice's To: udp://192.0.2.1:514?facility=LOCAL0&format=rfc3164.
func (c *Config) Address() string {
	u := url.URL{Scheme: c.Transport, Host: c.Place(), RawQuery: url.Values{"facility": {c.Facility}, "format": {c.Format}}.Encode()}
	return u.String()
}

// aimed returns the settings with those that an Address names in place of its own.
func (c Config) aimed(address string) (Config, error) {
	u, err := url.Parse(address)
	if err != nil {
		return c, errors.New("the collector's address cannot be read")
	}
	c.Transport, c.Host, c.Port = u.Scheme, u.Hostname(), 0
	if port := u.Port(); port != "" {
		if c.Port, err = strconv.Atoi(port); err != nil {
			return c, errors.New("the collector's port is no number")
		}
	}
	if facility := u.Query().Get("facility"); facility != "" {
		c.Facility = facility
	}
	if format := u.Query().Get("format"); format != "" {
		c.Format = format
	}
	return c, c.Validate()
}
