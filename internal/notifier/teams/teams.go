// Package teams sends notices to Microsoft Teams through a workflow of Power Automate, as Adaptive Cards.
package teams

import (
	_ "embed"
	"errors"

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
	// URL is the address that the workflow "Send webhook alerts to a channel" shows. Whoever knows it can post, so it is never
	// shown but for its host. Needed.
	URL document.Secret `yaml:"url"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config { return &Config{Terms: post.DefaultTerms()} }

// Validate reports every mistake.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	if !post.Unread(c.URL) {
		if _, err := post.Target(c.URL.Reveal()); err != nil {
			mistakes = append(mistakes, document.At("url", c.URL, "the address of a workflow, such as https://NAME.environment.api.powerplatform.com/...: "+err.Error()))
		}
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
	client, err := post.New(post.Options{CA: c.CA, Timeout: c.Timeout, Check: "url, and that the workflow is turned on", Secrets: []document.Secret{c.URL}})
	if err != nil {
		return nil, err
	}
	return &dealer{url: c.URL, words: words, client: client}, nil
}
