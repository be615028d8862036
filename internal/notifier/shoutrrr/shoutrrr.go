// Package shoutrrr sends notices to the many services that the library of that name knows and tocsin does not know itself.
package shoutrrr

import (
	_ "embed"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// Config is what an operator writes.
type Config struct {
	// URL names the service and holds its keys, as the library documents: discord://TOKEN@WEBHOOK. It is a secret. Needed.
	URL document.Secret `yaml:"url"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config { return &Config{Terms: post.DefaultTerms()} }

// services are those that the library is used for.
func services() []string {
	return []string{
		"bark", "discord", "googlechat", "ifttt", "join", "lark", "mattermost", "notifiarr", "opsgenie", "pushbullet", "rocketchat", "signal", "wecom", "zulip",
	}
}

// own are services that tocsin knows better than the library, and the notifier to use for each.
func own(service string) (string, bool) {
	name, known := map[string]string{
		"generic": "webhook", "smtp": "mail", "slack": "slack", "teams": "teams", "telegram": "telegram", "matrix": "matrix", "pagerduty": "pagerduty", "ntfy": "ntfy", "gotify": "gotify",
		"pushover": "pushover",
	}[service]
	return name, known
}

// service is the name of the service in a URL.
func service(address string) string {
	name, _, _ := strings.Cut(address, ":")
	name, _, _ = strings.Cut(name, "+")
	return strings.ToLower(name)
}

// Validate reports every mistake. No mistake repeats the URL.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	wrong := func(want string) { mistakes = append(mistakes, document.At("url", c.URL, want)) }
	if c.CA != "" {
		mistakes = append(mistakes, document.At("ca", c.CA, "nothing: the library trusts the authorities of the system alone"))
	}
	if post.Unread(c.URL) {
		return errors.Join(mistakes...)
	}
	name := service(c.URL.Reveal())
	if instead, known := own(name); known {
		wrong("another service: for this one use the notifier " + instead)
	} else if _, err := url.Parse(c.URL.Reveal()); err != nil || !slices.Contains(services(), name) {
		wrong("SERVICE://... with one of the services " + strings.Join(services(), ", "))
	}
	return errors.Join(mistakes...)
}

// New returns the notifier; nothing is connected.
func (c *Config) New() (notifier.Notifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	words, err := c.Words()
	if err != nil {
		return nil, err
	}
	s := &sender{name: service(c.URL.Reveal()), timeout: c.Timeout, words: words, idle: make(chan types.Service, most)}
	for range most {
		one, err := (&router.ServiceRouter{}).Locate(c.URL.Reveal())
		if err != nil {
			return nil, document.At("url", c.URL, "the URL of the service "+s.name+" as the library documents it") // its error holds the URL
		}
		s.idle <- one
	}
	return s, nil
}

// sender sends through the library.
type sender struct {
	name    string
	timeout time.Duration
	words   *post.Writer
	// idle are instances of the service that nobody uses. The library can neither be told to stop nor be shared: an attempt that
	// hangs keeps its instance until it ends, and the channel has no more than these.
	idle chan types.Service
}
