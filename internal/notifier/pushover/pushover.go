// Package pushover sends notices to telephones through Pushover.
package pushover

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// Bounds of the Message API, in characters.
const (
	maxTitle   = 250
	maxMessage = 1024
	maxURL     = 512
)

// An emergency rings every minute for an hour, or until somebody says that he has seen it.
const (
	retryEvery = time.Minute
	expires    = time.Hour
)

// Config is what an operator writes.
type Config struct {
	// Server is the address of the API. Default https://api.pushover.net.
	Server string `yaml:"server"`
	// Token is that of an application, of 30 letters and digits. Needed.
	Token document.Secret `yaml:"token"`
	// User is the key of a user or group, of 30 letters and digits, for notices that are for nobody in particular. Needed.
	User document.Secret `yaml:"user"`
	// Emergency has CRITICAL alerts ring every minute, for an hour or until somebody confirms. Default false.
	Emergency bool `yaml:"emergency"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config {
	return &Config{Server: "https://api.pushover.net", Terms: post.DefaultTerms()}
}

var key = regexp.MustCompile(`^[A-Za-z0-9]{30}$`)

// Validate reports every mistake.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	if _, err := post.Target(c.Server); err != nil {
		mistakes = append(mistakes, document.At("server", c.Server, "an address such as https://api.pushover.net: "+err.Error()))
	}
	if !post.Unread(c.Token) && !key.MatchString(c.Token.Reveal()) {
		mistakes = append(mistakes, document.At("token", c.Token, "the token of an application, 30 letters and digits"))
	}
	if !post.Unread(c.User) && !key.MatchString(c.User.Reveal()) {
		mistakes = append(mistakes, document.At("user", c.User, "the key of a user or group, 30 letters and digits"))
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
	client, err := post.New(post.Options{CA: c.CA, Timeout: c.Timeout, Check: "token and user", Secrets: []document.Secret{c.Token, c.User}})
	if err != nil {
		return nil, err
	}
	return &pusher{
		address: server.JoinPath("1", "messages.json"), token: c.Token.Reveal(), user: c.User.Reveal(), emergency: c.Emergency, words: words, client: client,
	}, nil
}

// A pusher pushes notices.
type pusher struct {
	address     *url.URL
	token, user string
	emergency   bool
	words       *post.Writer
	client      *post.Client
}

// push is a message as the Message API takes it. It is plain text, as html is not set.
type push struct {
	Token     string `json:"token"`
	User      string `json:"user"`
	Title     string `json:"title"`
	Message   string `json:"message"`
	Priority  int    `json:"priority"`
	Retry     int    `json:"retry,omitempty"`  // seconds
	Expire    int    `json:"expire,omitempty"` // seconds
	URL       string `json:"url,omitempty"`
	Label     string `json:"url_title,omitempty"`
	Timestamp int64  `json:"timestamp"`
}

// Send makes one attempt.
func (p *pusher) Send(ctx context.Context, n notifier.Notice) (string, error) {
	m := p.push(n)
	if n.To != "" {
		if m.User = n.To; !key.MatchString(m.User) {
			return "", fmt.Errorf("pushover for %s: %w: what is to be reached is no key of a user or group", n.User, notifier.ErrPermanent)
		}
	}
	answer, err := p.client.JSON(ctx, http.MethodPost, p.address, nil, m)
	if err != nil {
		return answer.Line, err
	}
	var taken struct {
		Status int `json:"status"`
	}
	if answer.Decode(&taken) != nil || taken.Status != 1 {
		return answer.Line, post.Strange(p.address, "Pushover")
	}
	return answer.Line, nil
}

func (p *pusher) push(n notifier.Notice) push {
	words := p.words.Write(n)
	m := push{
		Token: p.token, User: p.user, Title: post.Cut(words.Subject, maxTitle, post.Characters), Message: post.Cut(words.Text, maxMessage, post.Characters),
		Priority: p.priority(n), Timestamp: n.Alert.Last.Unix(),
	}
	if m.Priority == 2 {
		m.Retry, m.Expire = int(retryEvery.Seconds()), int(expires.Seconds())
	}
	if n.Link != "" && len(n.Link) <= maxURL {
		m.URL, m.Label = n.Link, "Open alert"
	}
	return m
}

// priority is -1, which makes no sound, to 2, which rings until it is confirmed. 1 rings in quiet hours as well.
func (p *pusher) priority(n notifier.Notice) int {
	switch s := n.Alert.Severity; {
	case n.Change == notifier.End, s <= alert.Low:
		return -1
	case s == alert.Medium:
		return 0
	case s == alert.Critical && p.emergency:
		return 2
	default:
		return 1
	}
}

// Preview implements notifier.Previewer.
func (p *pusher) Preview(n notifier.Notice) notifier.Preview { return p.words.Preview(n) }
