package matrix

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// How far back the beginning of a thread is looked for.
const (
	pages  = 5
	events = 100 // in each
)

// root finds the first notice about an alert among what this user last said in a room, "" if it is not there. Nothing is
// remembered for it: the homeserver has it all. Half of the time is left for sending.
func (m *member) root(ctx context.Context, room, thread string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, m.config.Timeout/2)
	defer cancel()
	var who struct {
		User string `json:"user_id"`
	}
	if err := m.get(ctx, &who, nil, "account", "whoami"); err != nil {
		return "", err
	}
	if who.User == "" {
		return "", post.Strange(m.server, "a Matrix homeserver")
	}
	filter, err := json.Marshal(map[string]any{"types": []string{"m.room.message"}, "senders": []string{who.User}})
	if err != nil {
		return "", fmt.Errorf("look for thread %s: %w: %w", thread, notifier.ErrPermanent, err)
	}
	query := map[string]string{"dir": "b", "limit": strconv.Itoa(events), "filter": string(filter)}
	for range pages {
		var page struct {
			Chunk []struct {
				ID      string          `json:"event_id"`
				Sender  string          `json:"sender"`
				Content json.RawMessage `json:"content"`
			} `json:"chunk"`
			End string `json:"end"`
		}
		if err := m.get(ctx, &page, query, "rooms", room, "messages"); err != nil {
			return "", err
		}
		for _, e := range page.Chunk {
			var c struct {
				Alert   string          `json:"tocsin.alert"`
				Relates json.RawMessage `json:"m.relates_to"`
			}
			if json.Unmarshal(e.Content, &c) == nil && c.Alert == thread && c.Relates == nil && e.Sender == who.User {
				return e.ID, nil
			}
		}
		if page.End == "" {
			break
		}
		query["from"] = page.End
	}
	return "", nil
}

// get asks the homeserver something.
func (m *member) get(ctx context.Context, v any, query map[string]string, parts ...string) error {
	from := m.at(parts...)
	values := from.Query()
	for k, value := range query {
		values.Set(k, value)
	}
	from.RawQuery = values.Encode()
	answer, err := m.client.Do(ctx, post.Request{Method: http.MethodGet, URL: from, Header: m.header()})
	if err != nil {
		return err
	}
	if answer.Decode(v) != nil {
		return post.Strange(from, "a Matrix homeserver")
	}
	return nil
}
