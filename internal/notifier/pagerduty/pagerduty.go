// Package pagerduty has alerts trigger, acknowledge and resolve incidents of PagerDuty.
package pagerduty

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
	// Server is the address of the Events API: https://events.eu.pagerduty.com for accounts in Europe. Default
	// https://events.pagerduty.com.
	Server string `yaml:"server"`
	// RoutingKey is the integration key of a service, of 32 letters and digits. Needed.
	RoutingKey document.Secret `yaml:"routing_key"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config {
	return &Config{Server: "https://events.pagerduty.com", Terms: post.DefaultTerms()}
}

var routingKey = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

// Validate reports every mistake.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	if _, err := post.Target(c.Server); err != nil {
		mistakes = append(mistakes, document.At("server", c.Server, "an address such as https://events.pagerduty.com: "+err.Error()))
	}
	if !post.Unread(c.RoutingKey) && !routingKey.MatchString(c.RoutingKey.Reveal()) {
		mistakes = append(mistakes, document.At("routing_key", c.RoutingKey, "an integration key of 32 letters and digits"))
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
	client, err := post.New(post.Options{CA: c.CA, Timeout: c.Timeout, Check: "routing_key and server", Secrets: []document.Secret{c.RoutingKey}})
	if err != nil {
		return nil, err
	}
	return &pager{address: server.JoinPath("v2", "enqueue"), key: c.RoutingKey.Reveal(), words: words, client: client}, nil
}
