package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// A hook posts notices.
type hook struct {
	config  Config
	secrets [][]byte
	client  *post.Client
}

// Send makes one attempt. Any status of 2xx is a delivery.
func (h *hook) Send(ctx context.Context, n notifier.Notice) (string, error) {
	address, err := post.Target(h.config.URL.Reveal())
	if err != nil {
		return "", fmt.Errorf("post: %w: url: %w", notifier.ErrPermanent, err)
	}
	body, err := json.Marshal(n)
	if err != nil {
		return "", fmt.Errorf("encode notice %s: %w: %w", n.Key, notifier.ErrPermanent, err)
	}
	answer, err := h.client.Do(ctx, post.Request{URL: address, Header: h.head(n, body), Body: body})
	return answer.Line, err
}

// head sets the headers. The signature is over the time, a dot and the body, so that a request cannot be sent again later.
func (h *hook) head(n notifier.Notice, body []byte) http.Header {
	r := &http.Request{Header: http.Header{}}
	for name, value := range h.config.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", n.Key)
	if h.config.User != "" {
		r.SetBasicAuth(h.config.User, h.config.Password.Reveal())
	}
	if h.config.Style == Wforce {
		r.Header.Set("X-Wforce-Event", "alert")
		r.Header.Set("X-Wforce-HookID", "0")
		r.Header.Set("X-Wforce-Delivery", n.Key)
		if len(h.secrets) > 0 {
			r.Header.Set("X-Wforce-Signature", base64.StdEncoding.EncodeToString(sign(h.secrets[0], body)))
		}
		return r.Header
	}
	r.Header.Set("X-Tocsin-Event", string(n.Change))
	r.Header.Set("X-Tocsin-Attempt", strconv.Itoa(n.Attempt))
	if len(h.secrets) > 0 {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		parts := []string{"t=" + at}
		for _, secret := range h.secrets {
			parts = append(parts, "v1="+hex.EncodeToString(sign(secret, append([]byte(at+"."), body...))))
		}
		r.Header.Set("X-Tocsin-Signature", strings.Join(parts, ","))
	}
	return r.Header
}

func sign(secret, text []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write(text) // cannot fail
	return mac.Sum(nil)
}

// Preview implements notifier.Previewer: it shows the body.
func (h *hook) Preview(n notifier.Notice) notifier.Preview {
	body, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return notifier.Preview{Problem: err.Error()}
	}
	return notifier.Preview{Text: string(body) + "\n"}
}
