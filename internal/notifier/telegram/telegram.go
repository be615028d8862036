// Package telegram sends notices to chats of Telegram through a bot.
package telegram

import (
	_ "embed"
	"errors"
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
	// Server is the address of the Bot API. Default https://api.telegram.org.
	Server string `yaml:"server"`
	// Token is the bot's, as @BotFather gave it. Needed.
	Token document.Secret `yaml:"token"`
	// Chat is where notices go that are for nobody in particular: the number of a chat, or @NAME of a public channel. Needed.
	Chat string `yaml:"chat"`
	// Topic is the number of a topic in a chat with topics; 1 or more, 0 is none. Default 0.
	Topic int `yaml:"topic"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config {
	return &Config{Server: "https://api.telegram.org", Terms: post.DefaultTerms()}
}

var (
	token = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{10,100}$`)
	chat  = regexp.MustCompile(`^(-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31})$`)
)

// Validate reports every mistake.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	if _, err := post.Target(c.Server); err != nil {
		wrong("server", c.Server, "an address such as https://api.telegram.org: "+err.Error())
	}
	if !post.Unread(c.Token) && !token.MatchString(c.Token.Reveal()) {
		wrong("token", c.Token, "a token of a bot such as 123456:ABC-DEF1234ghIkl")
	}
	if !chat.MatchString(c.Chat) {
		wrong("chat", c.Chat, "a number such as -1001234567890, or @NAME of a channel")
	}
	if c.Topic < 0 {
		wrong("topic", c.Topic, "1 or more, or 0 for none")
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
	client, err := post.New(post.Options{CA: c.CA, Timeout: c.Timeout, Check: "token", Secrets: []document.Secret{c.Token}})
	if err != nil {
		return nil, err
	}
	return &bot{address: server.JoinPath("bot"+c.Token.Reveal(), "sendMessage"), chat: c.Chat, topic: c.Topic, words: words, client: client}, nil
}
