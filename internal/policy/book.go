package policy

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"tocsin/internal/ledger"
	"tocsin/internal/mute"
	"tocsin/internal/preference"
	"tocsin/internal/scope"
)

// A Ledger is where accounts and their preferences are kept.
type Ledger interface {
	AllPreferences(ctx context.Context) ([]ledger.UserPreferences, error)
	Setting(ctx context.Context, name string) (value string, ok bool, err error)
}

// Options are what a Book is made with besides its ledger.
type Options struct {
	Terms    Terms
	Channels []Channel
	// Mutes returns the silences and windows of now; nil is none.
	Mutes func() *mute.Set
	// Ways makes the channels of a user. What can be made of them is good also when it returns an error.
	Ways func(server preference.MailServer, user string, p preference.Preferences) ([]Way, error)
	// Changed is told the ways of all users before anybody is told over them; it must not block for long.
	Changed func([]Way)
	Log     *slog.Logger
}

// A Book keeps the policy of now. Its methods may be called from several goroutines.
type Book struct {
	ledger  Ledger
	options Options
	current atomic.Pointer[Snapshot]

	mu       sync.Mutex // so that what was read later is what stays
	terms    Terms
	channels []Channel
	users    []User
	made     map[string]ways // by user; so that ways that stay the same keep their health
	problem  string          // of the last load, so that the log tells it once
}

// ways are those of one user and what they were made of.
type ways struct {
	of   string
	list []Way
}

// NewBook returns a book that knows the operators' channels; Load reads those of users.
func NewBook(l Ledger, o Options) *Book {
	b := &Book{ledger: l, options: o, terms: o.Terms, channels: o.Channels, made: map[string]ways{}}
	b.publish()
	return b
}

// Route is a ledger.Route by the policy of now.
func (b *Book) Route(c ledger.Change) []ledger.Target { return b.current.Load().Route(c) }

// SetChannels goes over to another configuration.
func (b *Book) SetChannels(terms Terms, channels []Channel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.terms, b.channels = terms, channels
	b.publish()
}

// publish makes the snapshot of now. It is called with mu held, but by NewBook.
func (b *Book) publish() {
	s, err := New(b.terms, b.channels, b.users, b.options.Mutes)
	if err != nil {
		b.options.Log.Error("a user's filter cannot be read and lets all pass", "err", err)
	}
	b.current.Store(s)
}

// Load reads accounts and preferences anew. When that fails the policy stays as it was. It is to be called whenever they have
// changed.
func (b *Book) Load(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	stored, err := b.ledger.AllPreferences(ctx)
	if err != nil {
		return err
	}
	text, ok, err := b.ledger.Setting(ctx, preference.MailServerSetting)
	if err != nil {
		return err
	}
	var server preference.MailServer
	var foul []error
	if ok {
		if server, err = preference.DecodeMailServer(text); err != nil {
			foul = append(foul, err)
		}
	}
	var users []User
	var all []Way
	made := map[string]ways{}
	for _, p := range stored {
		u, err := b.user(server, text, p, made)
		if err != nil {
			foul = append(foul, err)
		}
		if len(u.Ways) > 0 {
			users = append(users, u)
			all = append(all, u.Ways...)
		}
	}
	b.say(errors.Join(foul...))
	b.users, b.made = users, made
	if b.options.Changed != nil {
		b.options.Changed(slices.Clone(all))
	}
	b.publish()
	return nil
}

// user makes one user, who has no ways when he is to be told nothing.
func (b *Book) user(server preference.MailServer, serverText string, p ledger.UserPreferences, made map[string]ways) (u User, err error) {
	if p.User.Disabled {
		return u, nil
	}
	u = User{Name: p.User.Name, Admin: p.User.Admin}
	if u.Preferences, err = preference.Decode(p.Body); err != nil {
		return u, err
	}
	if u.Scope, err = scope.Compile(p.User.Filter); err != nil {
		return u, err // who may see nothing that is known is told nothing
	}
	of := serverText + "\x00" + p.Body
	if before, ok := b.made[u.Name]; ok && before.of == of {
		u.Ways = before.list
	} else {
		u.Ways, err = b.options.Ways(server, u.Name, u.Preferences)
	}
	if err == nil {
		made[u.Name] = ways{of, u.Ways}
	}
	return u, err
}

// say logs what is wrong when it is news.
func (b *Book) say(err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	if problem != "" && problem != b.problem {
		b.options.Log.Error("some users cannot be told over all their channels", "err", err)
	}
	b.problem = problem
}

// Problem says what is wrong with preferences, "" when nothing is.
func (b *Book) Problem() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problem
}
