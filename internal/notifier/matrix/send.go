package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// A member of a room sends to it.
type member struct {
	config Config
	server *url.URL
	words  *post.Writer
	client *post.Client
}

// Bounds. An event has at most 65,536 bytes (Matrix, client-server API, section Size limits), and the text stands in it twice,
// each of its characters at most six times as long.
const (
	maxTitle = 400  // characters
	maxText  = 4096 // bytes
)

// content is that of an event m.room.message.
type content struct {
	Type      string    `json:"msgtype"`
	Body      string    `json:"body"`
	Format    string    `json:"format"`
	Formatted string    `json:"formatted_body"`
	Mentions  struct{}  `json:"m.mentions"`   // nobody, whatever stands in the text: section User and room mentions
	Alert     string    `json:"tocsin.alert"` // by which the thread of an alert is found again
	Relates   *relation `json:"m.relates_to,omitempty"`
}

// relation hangs an event into a thread, and is a reply to its root for those who know no threads: section Threading.
type relation struct {
	Kind    string `json:"rel_type"`
	Root    string `json:"event_id"`
	Falling bool   `json:"is_falling_back"`
	Reply   struct {
		Root string `json:"event_id"`
	} `json:"m.in_reply_to"`
}

// Send makes one attempt. The transaction is named after the notice, so that a repeat is the same message to the homeserver.
func (m *member) Send(ctx context.Context, n notifier.Notice) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, m.config.Timeout)
	defer cancel()
	room := m.config.Room
	if n.To != "" {
		if room = n.To; !isRoom(room) {
			return "", fmt.Errorf("matrix for %s: %w: %q is no number of a room", n.User, notifier.ErrPermanent, room)
		}
	}
	c := m.content(n)
	remark := ""
	if m.config.Thread && n.Change != notifier.Create {
		root, err := m.root(ctx, room, c.Alert)
		switch {
		case err != nil:
			remark = ", outside of its thread: " + err.Error()
		case root != "":
			c.Relates = &relation{Kind: "m.thread", Root: root, Falling: true}
			c.Relates.Reply.Root = root
		}
	}
	sum := sha256.Sum256([]byte(n.Key))
	to := m.at("rooms", room, "send", "m.room.message", "tocsin-"+hex.EncodeToString(sum[:16]))
	answer, err := m.client.JSON(ctx, http.MethodPut, to, m.header(), c)
	if err != nil {
		return answer.Line, limit(answer, err)
	}
	var taken struct {
		Event string `json:"event_id"`
	}
	if answer.Decode(&taken) != nil || taken.Event == "" {
		return answer.Line, post.Strange(to, "a Matrix homeserver")
	}
	return answer.Line + remark, nil
}

// limit takes the wait from the body, where homeservers write it: section Rate limiting.
func limit(answer post.Answer, err error) error {
	var said struct {
		After int64 `json:"retry_after_ms"`
	}
	if answer.Status != http.StatusTooManyRequests || answer.Decode(&said) != nil {
		return err
	}
	return post.Later(err, time.Duration(min(said.After, post.MaxLater.Milliseconds()))*time.Millisecond)
}

// at is an address below the client-server API; each part is one, whatever stands in it.
func (m *member) at(parts ...string) *url.URL {
	u := *m.server
	u.Path = strings.TrimSuffix(u.Path, "/") + "/_matrix/client/v3"
	u.RawPath = strings.TrimSuffix(m.server.EscapedPath(), "/") + "/_matrix/client/v3"
	for _, p := range parts {
		u.Path += "/" + p
		u.RawPath += "/" + url.PathEscape(p)
	}
	return &u
}

func (m *member) header() http.Header {
	return http.Header{"Authorization": {"Bearer " + m.config.Token.Reveal()}}
}

// content writes a notice. Its text stands in code, inside which programs look for no links and no mentions.
func (m *member) content(n notifier.Notice) content {
	words := m.words.Write(n)
	title, text := post.Cut(words.Subject, maxTitle, post.Characters), post.Cut(words.Text, maxText, post.Bytes)
	c := content{
		Type: "m.text", Format: "org.matrix.custom.html", Alert: post.Thread(n), Body: title + "\n\n" + text,
		Formatted: "<p><strong><code>" + escape.Replace(title) + "</code></strong></p>\n<pre><code>" + escape.Replace(text) + "</code></pre>",
	}
	if n.Link != "" {
		c.Body += "\n\n" + n.Link
		c.Formatted += "\n<p><a href=\"" + escape.Replace(n.Link) + "\">Open alert</a></p>"
	}
	return c
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// Preview implements notifier.Previewer.
func (m *member) Preview(n notifier.Notice) notifier.Preview { return m.words.Preview(n) }
