package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"tocsin/internal/notifier"
)

// A hook posts notices.
type hook struct {
	config  Config
	secrets [][]byte
	client  *http.Client
}

const (
	maxAnswer = 1 << 10 // bytes of an answer that are kept
	maxDrain  = 64 << 10
	maxLater  = 6 * time.Hour // the longest wait that a receiver is granted
)

// errPrivate refuses an address.
var errPrivate = errors.New("the address is not a public one (public_only is set)")

// Send makes one attempt. Any status of 2xx is a delivery.
func (h *hook) Send(ctx context.Context, n notifier.Notice) (string, error) {
	address, err := target(h.config.URL.Reveal())
	if err != nil {
		return "", fmt.Errorf("post: %w: url: %w", notifier.ErrPermanent, err)
	}
	body, err := json.Marshal(n)
	if err != nil {
		return "", fmt.Errorf("encode notice %s: %w: %w", n.Key, notifier.ErrPermanent, err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.config.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("post to %s: %w: the request cannot be made", address.Host, notifier.ErrPermanent)
	}
	h.head(request, n, body)
	response, err := h.client.Do(request)
	if err != nil {
		return "", fmt.Errorf("post to %s: %w", address.Host, h.explain(err))
	}
	defer response.Body.Close()
	said := answer(response)
	if response.StatusCode/100 == 2 {
		return said, nil
	}
	return said, refusal(response, fmt.Errorf("post to %s: %s", address.Host, http.StatusText(response.StatusCode)))
}

// head sets the headers. The signature is over the time, a dot and the body, so that a request cannot be sent again later.
func (h *hook) head(r *http.Request, n notifier.Notice, body []byte) {
	for name, value := range h.config.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "tocsin")
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
		return
	}
	r.Header.Set("X-Tocsin-Event", string(n.Change))
	r.Header.Set("X-Tocsin-Attempt", strconv.Itoa(n.Attempt))
	if len(h.secrets) > 0 {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		signature := "t=" + at
		for _, secret := range h.secrets {
			signature += ",v1=" + hex.EncodeToString(sign(secret, append([]byte(at+"."), body...)))
		}
		r.Header.Set("X-Tocsin-Signature", signature)
	}
}

func sign(secret, text []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write(text) // cannot fail
	return mac.Sum(nil)
}

// answer is the status and the beginning of the body, in one line.
func answer(r *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(r.Body, maxAnswer))     // what came is told
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxDrain)) // so that the connection can be used again
	line := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(text), "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if line == "" {
		return r.Status
	}
	return r.Status + ": " + line
}

// refusal sorts what a receiver does not take. Most of 4xx will be the same for ever (RFC 9110, section 15.5); the others,
// and 5xx, may pass, and the receiver may say when.
func refusal(r *http.Response, err error) error {
	switch code := r.StatusCode; {
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		if after := retryAfter(r.Header.Get("Retry-After"), time.Now()); after > 0 {
			return &notifier.Later{After: after, Cause: err}
		}
		return err
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound:
		return fmt.Errorf("%w (check url, user and password)", err) // somebody may mend it while the notice waits
	default:
		return fmt.Errorf("%w: %w", notifier.ErrPermanent, err)
	}
}

// retryAfter reads RFC 9110, section 10.2.3: seconds or a date. 0 means none, or none that makes sense.
func retryAfter(value string, now time.Time) time.Duration {
	after := time.Duration(0)
	if seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err == nil {
		after = time.Duration(seconds) * time.Second //nolint:gosec // 31 bits
	} else if at, err := http.ParseTime(value); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, 0), maxLater)
}

// explain takes the address, which may hold a token, off an error of the client, and says what someone can do.
func (h *hook) explain(err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errPrivate):
		return fmt.Errorf("%w: %w", notifier.ErrPermanent, err)
	case errors.As(err, &name):
		return fmt.Errorf("%w (check the host in url)", err)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w (see that the certificate is valid and names the host, or name its authority with ca)", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w (nothing listens there)", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", h.config.Timeout)
	}
	return err
}

// publicOnly refuses to connect to addresses that are not those of the public network. It looks at the address that is
// about to be used, behind any name.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return errPrivate
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return errPrivate
	}
	for _, block := range reserved {
		if block.Contains(ip) {
			return errPrivate
		}
	}
	return nil
}

// reserved are blocks that belong to nobody in the public network, of the IANA registries of special-purpose addresses.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
}
