package slack

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// How far back the first message about an alert is looked for.
const (
	pages    = 5
	messages = 200 // in each
)

// root finds the first message about an alert; that without a stamp means none. Nothing is remembered for it: Slack keeps the
// metadata of messages. Half of the time is left for sending.
func (b *bot) root(ctx context.Context, channel string, n notifier.Notice) (posted, error) {
	ctx, cancel := context.WithTimeout(ctx, b.config.Timeout/2)
	defer cancel()
	since := n.Alert.First.Add(-10 * time.Minute) // clocks differ
	query := url.Values{"channel": {channel}, "oldest": {strconv.FormatInt(since.Unix(), 10)}}
	thread := post.Thread(n)
	return b.find(ctx, "conversations.history", query, func(p posted) bool {
		return p.about().Alert == thread && (p.Thread == "" || p.Thread == p.Stamp)
	})
}

// answered reports whether an answer to a message shows a notice.
func (b *bot) answered(ctx context.Context, channel, root, key string) (bool, error) {
	p, err := b.find(ctx, "conversations.replies", url.Values{"channel": {channel}, "ts": {root}}, func(p posted) bool {
		return p.about().Key == key && p.Stamp != root
	})
	return p.Stamp != "", err
}

// find goes through pages of messages to the first that fits.
func (b *bot) find(ctx context.Context, method string, query url.Values, fits func(posted) bool) (posted, error) {
	query.Set("include_all_metadata", "true")
	query.Set("limit", strconv.Itoa(messages))
	for range pages {
		r, _, err := b.call(ctx, method, query, nil)
		if err != nil {
			return posted{}, err
		}
		for _, p := range r.Messages {
			if p.Stamp != "" && fits(p) {
				return p, nil
			}
		}
		if r.Next.Cursor == "" {
			break
		}
		query.Set("cursor", r.Next.Cursor)
	}
	return posted{}, nil
}
