// Package webhook sends notices as JSON in HTTP POST requests, signed if a secret is set.
package webhook

import (
	_ "embed"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

const (
	maxTimeout = time.Minute
	maxHeaders = 20
	maxSecrets = 2
)

// Config is what an operator writes.
type Config struct {
	// URL is where notices are posted, over http or https. It may hold a token, so it is never shown but for its host.
	// Needed.
	URL document.Secret `yaml:"url"`
	// Secret signs the body, and so does NextSecret: during a change of secrets receivers may know either.
	Secret     document.Secret `yaml:"secret"`
	NextSecret document.Secret `yaml:"next_secret"`
	// User and Password are sent as HTTP basic authentication.
	User     string          `yaml:"user"`
	Password document.Secret `yaml:"password"`
	// Headers are sent besides. Those that tocsin sets cannot be replaced.
	Headers map[string]string `yaml:"headers"`
	// Style is plain, or wforce for receivers that know the headers of wforce and trackalert.
	Style string `yaml:"style"`
	// CA is a file of certificates in PEM that the receiver's is held against besides those of the system, as an absolute
	// path. Default none.
	CA string `yaml:"ca"`
	// PublicOnly refuses receivers with addresses of private networks, of this machine, or that belong to nobody, whatever
	// their name resolves to. For sites where others than administrators choose receivers. Default false.
	PublicOnly bool `yaml:"public_only"`
	// Timeout bounds one attempt; 100ms to 1m. Default 10s.
	Timeout time.Duration `yaml:"timeout"`
}

// Styles of headers.
const (
	Plain  = "plain"
	Wforce = "wforce"
)

// Default returns the settings that hold where none are given.
func Default() notifier.Config { return &Config{Style: Plain, Timeout: 10 * time.Second} }

// own are headers that tocsin sets.
func own(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return slices.Contains([]string{"Content-Type", "Content-Length", "Host", "User-Agent", "Authorization", "Idempotency-Key", "Connection", "Transfer-Encoding"}, name) ||
		strings.HasPrefix(name, "X-Tocsin-") || strings.HasPrefix(name, "X-Wforce-")
}

// Validate reports every mistake.
func (c *Config) Validate() error {
	var mistakes []error
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	if c.URL.File() == "" || c.URL.Reveal() != "" { // that of a file is not read yet
		if _, err := post.Target(c.URL.Reveal()); err != nil {
			wrong("url", c.URL, "an address such as https://example.org/hook: "+err.Error())
		}
	}
	if c.Secret.IsZero() && !c.NextSecret.IsZero() {
		wrong("next_secret", c.NextSecret, "a secret beside it")
	}
	if (c.User == "") != c.Password.IsZero() || strings.ContainsRune(c.User, ':') {
		wrong("user", c.User, "both user, without a colon, and password, or neither")
	}
	if len(c.Headers) > maxHeaders {
		wrong("headers", len(c.Headers), "20 or fewer")
	}
	for name, value := range c.Headers {
		if !isToken(name) || own(name) || strings.ContainsAny(value, "\r\n\x00") {
			wrong("headers", name, "a header of one line that tocsin does not set itself")
		}
	}
	if c.Style != Plain && c.Style != Wforce {
		wrong("style", c.Style, "plain or wforce")
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > maxTimeout {
		wrong("timeout", c.Timeout, "100ms to 1m")
	}
	return errors.Join(mistakes...)
}

// isToken reports whether s can be the name of a header: RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for _, r := range s {
		if r > 0x7e || r <= ' ' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) {
			return false
		}
	}
	return s != ""
}

// New returns the notifier; nothing is connected.
func (c *Config) New() (notifier.Notifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	client, err := post.New(post.Options{
		CA: c.CA, PublicOnly: c.PublicOnly, Timeout: c.Timeout, Check: "url, user and password",
		Secrets: []document.Secret{c.URL, c.Secret, c.NextSecret, c.Password},
	})
	if err != nil {
		return nil, err
	}
	h := &hook{config: *c, client: client}
	for _, s := range []document.Secret{c.Secret, c.NextSecret} {
		if !s.IsZero() {
			h.secrets = append(h.secrets, []byte(s.Reveal()))
		}
	}
	return h, nil
}
