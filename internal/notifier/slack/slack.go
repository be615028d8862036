// Package slack sends notices to Slack: through a bot, with one message and one thread an alert, or through an incoming webhook.
package slack

import (
	_ "embed"
	"errors"
	"regexp"
	"time"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// Config is what an operator writes: url, or token and channel.
type Config struct {
	// URL is the address of an incoming webhook. Whoever knows it can post, so it is never shown but for its host.
	URL document.Secret `yaml:"url"`
	// Token is that of a bot, which begins with xoxb-.
	Token document.Secret `yaml:"token"`
	// Channel is the number of a channel, such as C024BE91L, for notices that are for nobody in particular. Needed with a token.
	Channel string `yaml:"channel"`
	// Thread has the bot keep one message an alert, which shows how it stands, and hang what happened below it. Default true.
	Thread bool `yaml:"thread"`
	// Server is the address of the Web API. Default https://slack.com/api.
	Server string `yaml:"server"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config {
	terms := post.DefaultTerms()
	terms.Timeout = 30 * time.Second
	return &Config{Server: "https://slack.com/api", Thread: true, Terms: terms}
}

var (
	token   = regexp.MustCompile(`^xox[a-z]-[A-Za-z0-9-]{1,200}$`)
	channel = regexp.MustCompile(`^[CGDUW][A-Z0-9]{5,20}$`) // of users as well, whom a bot writes to in private
)

// Validate reports every mistake.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	switch {
	case c.URL.IsZero() == c.Token.IsZero():
		wrong("url", c.URL, "either url, or token and channel")
	case !c.URL.IsZero() && !post.Unread(c.URL):
		if _, err := post.Target(c.URL.Reveal()); err != nil {
			wrong("url", c.URL, "the address of an incoming webhook, such as https://hooks.slack.com/services/...: "+err.Error())
		}
	case !c.Token.IsZero() && !post.Unread(c.Token) && !token.MatchString(c.Token.Reveal()):
		wrong("token", c.Token, "the token of a bot, which begins with xoxb-")
	}
	if (!c.Token.IsZero() || c.Channel != "") && !channel.MatchString(c.Channel) {
		wrong("channel", c.Channel, "the number of a channel, such as C024BE91L (it stands at the end of the channel's details)")
	}
	if !c.URL.IsZero() && c.Channel != "" {
		wrong("channel", c.Channel, "nothing with url, which knows its channel")
	}
	if _, err := post.Target(c.Server); err != nil {
		wrong("server", c.Server, "an address such as https://slack.com/api: "+err.Error())
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
	client, err := post.New(post.Options{CA: c.CA, Timeout: c.Timeout, Check: "url, token and channel", Secrets: []document.Secret{c.URL, c.Token}})
	if err != nil {
		return nil, err
	}
	if c.Token.IsZero() {
		return &hook{url: c.URL, words: words, client: client}, nil
	}
	return &bot{config: *c, server: server, words: words, client: client}, nil
}
