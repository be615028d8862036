// Package ntfy sends notices to telephones and desktops through a server of ntfy; notices about one alert replace one another.
package ntfy

import (
	_ "embed"
	"errors"
	"net/http"
	"regexp"

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
	// Server is the address of the ntfy server. Default https://ntfy.sh.
	Server string `yaml:"server"`
	// Topic is where notices go that are for nobody in particular: 1 to 64 letters, digits, _ and -. On a server without
	// accounts whoever knows it can read along, so it is a secret. Needed.
	Topic document.Secret `yaml:"topic"`
	// Token is an access token, and User and Password are another way to say who sends. Default none.
	Token    document.Secret `yaml:"token"`
	User     string          `yaml:"user"`
	Password document.Secret `yaml:"password"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config { return &Config{Server: "https://ntfy.sh", Terms: post.DefaultTerms()} }

var topic = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// Validate reports every mistake.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	if _, err := post.Target(c.Server); err != nil {
		wrong("server", c.Server, "an address such as https://ntfy.example.org: "+err.Error())
	}
	if !post.Unread(c.Topic) && !topic.MatchString(c.Topic.Reveal()) {
		wrong("topic", c.Topic, "1 to 64 letters, digits, _ and -")
	}
	if (c.User == "") != c.Password.IsZero() {
		wrong("user", c.User, "both user and password, or neither")
	}
	if !c.Token.IsZero() && c.User != "" {
		wrong("token", c.Token, "a token, or user and password")
	}
	return errors.Join(mistakes...)
}

// New returns the notifier; nothing is connected.
func (c *Config) New() (notifier.Notifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	server, err := post.Target(c.Server)
	if err != nil {
		return nil, err
	}
	words, err := c.Words()
	if err != nil {
		return nil, err
	}
	client, err := post.New(post.Options{
		CA: c.CA, Timeout: c.Timeout, Check: "server, token, user and password", Secrets: []document.Secret{c.Topic, c.Token, c.Password},
	})
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	switch {
	case !c.Token.IsZero():
		header.Set("Authorization", "Bearer "+c.Token.Reveal())
	case c.User != "":
		r := http.Request{Header: header}
		r.SetBasicAuth(c.User, c.Password.Reveal())
	}
	return &publisher{server: server, topic: c.Topic.Reveal(), header: header, words: words, client: client}, nil
}
