package delivery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/message"
	"tocsin/internal/notifier"
)

// A dressed notice knows all that it tells, and over which channel.
type dressed struct {
	notifier.Notice

	channel Channel
}

// dress adds what every notice says of this tocsin.
func (s *Service) dress(c Channel, n notifier.Notice) dressed {
	n.Node = s.options.Node
	if n.Alert.ID != 0 || n.Digest != nil {
		n.Link = s.options.Link(n.Alert.ID)
	}
	if s.options.Show != nil {
		n = show(n, s.options.Show)
	}
	return dressed{n, c}
}

// show puts names into a notice. What others hold of it stays as it is.
func show(n notifier.Notice, name func(*alert.Alert)) notifier.Notice {
	name(&n.Alert)
	if n.Digest != nil {
		digest := *n.Digest
		digest.Lines = slices.Clone(digest.Lines)
		for i := range digest.Lines {
			name(&digest.Lines[i].Alert)
		}
		n.Digest = &digest
	}
	return n
}

// send makes one attempt. The answer says when the channel's own template was not used.
func (d dressed) send(ctx context.Context) (string, error) {
	answer, err := d.channel.Notifier.Send(ctx, d.Notice)
	if err == nil {
		if p, ok := d.channel.Notifier.(notifier.Previewer); ok {
			if problem := p.Preview(d.Notice).Problem; strings.HasPrefix(problem, message.NotUsed) {
				answer += "; " + problem
			}
		}
	}
	return answer, err
}

// find returns a channel by its name.
func (s *Service) find(name string) (Channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.posts[name]
	if !ok {
		known := slices.Sorted(maps.Keys(s.posts))
		return Channel{}, fault.New(fault.NotFound, "no channel %q (there are: %s)", name, strings.Join(known, ", "))
	}
	return p.now(), nil
}

// Try sends a notice over a channel at once, beside the outbox, and returns what the other side answered. The error is a NotFound,
// or an Unavailable with the cause in words for people.
func (s *Service) Try(ctx context.Context, channel string, n notifier.Notice) (answer string, err error) {
	c, err := s.find(channel)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Unavailable, "channel %s: it panicked: %v", channel, r)
		}
	}()
	n.Created, n.Attempt = time.Now().UTC(), 1
	answer, err = s.dress(c, n).send(ctx)
	if err != nil {
		if answer != "" {
			err = fmt.Errorf("%w: %s", err, answer)
		}
		return "", fault.New(fault.Unavailable, "channel %s: %w", channel, err)
	}
	return answer, nil
}

// Preview shows how a channel would send a notice. The error is a NotFound, or an Invalid for a channel that cannot show it.
func (s *Service) Preview(channel string, n notifier.Notice) (notifier.Preview, error) {
	c, err := s.find(channel)
	if err != nil {
		return notifier.Preview{}, err
	}
	p, ok := c.Notifier.(notifier.Previewer)
	if !ok {
		return notifier.Preview{}, fault.New(fault.Invalid, "channel %s cannot show what it sends", channel)
	}
	n.Created, n.Attempt = time.Now().UTC(), 1
	return p.Preview(s.dress(c, n).Notice), nil
}
