// Package matrix sends notices to rooms of Matrix, one thread an alert.
package matrix

import (
	_ "embed"
	"errors"
	"strings"
	"time"
	"unicode"

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
	// Server is the address of the homeserver. Needed.
	Server string `yaml:"server"`
	// Token is an access token of the user who sends. Needed.
	Token document.Secret `yaml:"token"`
	// Room is the number of the room, such as !abc:example.org, for notices that are for nobody in particular. Needed.
	Room string `yaml:"room"`
	// Thread has notices about one alert hang below the first of them. Default true.
	Thread bool `yaml:"thread"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config {
	terms := post.DefaultTerms()
	terms.Timeout = 30 * time.Second
	return &Config{Thread: true, Terms: terms}
}

// Validate reports every mistake.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	if _, err := post.Target(c.Server); err != nil {
		wrong("server", c.Server, "an address such as https://matrix.example.org: "+err.Error())
	}
	if post.Missing(c.Token) || strings.ContainsAny(c.Token.Reveal(), " \r\n\x00") {
		wrong("token", c.Token, "an access token")
	}
	if !isRoom(c.Room) {
		wrong("room", c.Room, "the number of a room, such as !abc:example.org (not its name, which begins with #)")
	}
	return errors.Join(mistakes...)
}

// isRoom reports whether s can be the number of a room: at most 255 bytes that begin with an exclamation mark (Matrix,
// appendices, section Room IDs).
func isRoom(s string) bool {
	return len(s) > 1 && len(s) <= 255 && s[0] == '!' && !strings.ContainsFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || unicode.IsSpace(r) || unicode.IsControl(r) })
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
		CA: c.CA, Timeout: c.Timeout, Check: "token and room, and that the token's user is in the room", Secrets: []document.Secret{c.Token},
	})
	if err != nil {
		return nil, err
	}
	return &member{config: *c, server: server, words: words, client: client}, nil
}
