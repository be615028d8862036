package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"tocsin/internal/notifier"
)

const (
	maxLine = 1 << 10 // bytes of an answer that are told
	maxBody = 8 << 20 // bytes of an answer that are read; a page of a chat's history is the longest
	// MaxLater is the longest wait that a receiver is granted.
	MaxLater = 6 * time.Hour
)

// A Request is one request.
type Request struct {
	Method string // "" is POST
	URL    *url.URL
	Header http.Header
	Body   []byte
}

// An Answer is what the other side said.
type Answer struct {
	Status int
	Line   string // the status and the beginning of the body, in one line, without secrets
	Header http.Header
	Body   []byte
}

// Decode reads the body as JSON.
func (a Answer) Decode(v any) error { return json.Unmarshal(a.Body, v) }

// Do makes a request. An answer other than 2xx is an error as well: it wraps notifier.ErrPermanent if trying again is of no
// use, and is a notifier.Later if the other side said when.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	method := r.Method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, r.URL.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("post to %s: %w: the request cannot be made", r.URL.Host, notifier.ErrPermanent)
	}
	if r.Header != nil {
		request.Header = r.Header
	}
	request.Header.Set("User-Agent", "tocsin")
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("post to %s: %w", r.URL.Host, c.explain(err))
	}
	defer response.Body.Close()
	a := c.read(response)
	if a.Status/100 == 2 {
		return a, nil
	}
	return a, c.refusal(a, fmt.Errorf("post to %s: %s", r.URL.Host, cause(a.Status)))
}

// JSON makes a request with a value as JSON in its body.
func (c *Client) JSON(ctx context.Context, method string, to *url.URL, header http.Header, v any) (Answer, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return Answer{}, fmt.Errorf("encode notice for %s: %w: %w", to.Host, notifier.ErrPermanent, err)
	}
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return c.Do(ctx, Request{Method: method, URL: to, Header: header, Body: body})
}

// Strange is the error of an answer of 2xx that is not in the other side's words: a proxy's, or that of another service.
func Strange(to *url.URL, want string) error {
	return fmt.Errorf("post to %s: the answer is not one of %s (see that it is what runs there)", to.Host, want)
}

// read takes what matters of an answer; what is beyond the bound is left, and the connection with it.
func (c *Client) read(r *http.Response) Answer {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody)) // what came is told
	return Answer{Status: r.StatusCode, Line: c.line(r.Status, body), Header: r.Header, Body: body}
}

// line is the status and the beginning of the body, without secrets. They are taken off before it is cut, lest one be left
// in part.
func (c *Client) line(status string, body []byte) string {
	text := c.veil.Replace(strings.ToValidUTF8(string(body[:min(len(body), 8*maxLine)]), "\uFFFD"))
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	text = Cut(text, maxLine, Bytes)
	if text == "" {
		return status
	}
	return c.veil.Replace(status) + ": " + text
}

func cause(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "status " + strconv.Itoa(status)
}

// refusal sorts what a receiver does not take. Most of 4xx will be the same for ever (RFC 9110, section 15.5); the others,
// and 5xx, may pass, and the receiver may say when.
func (c *Client) refusal(a Answer, err error) error {
	switch {
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly, a.Status == http.StatusTooManyRequests, a.Status >= 500:
		return Later(err, RetryAfter(a.Header.Get("Retry-After"), time.Now()))
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden, a.Status == http.StatusNotFound:
		return fmt.Errorf("%w (check %s)", err, c.check) // somebody may mend it while the notice waits
	default:
		return fmt.Errorf("%w: %w", notifier.ErrPermanent, err)
	}
}

// Later is err with the wait that the other side asked for, within MaxLater; 0 or less is none.
func Later(err error, after time.Duration) error {
	if after <= 0 {
		return err
	}
	return &notifier.Later{After: min(after, MaxLater), Cause: err}
}

// RetryAfter reads RFC 9110, section 10.2.3: seconds or a date. 0 means none, or none that makes sense.
func RetryAfter(value string, now time.Time) time.Duration {
	after := time.Duration(0)
	if seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err == nil {
		after = time.Duration(seconds) * time.Second //nolint:gosec // 31 bits
	} else if at, err := http.ParseTime(value); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, 0), MaxLater)
}

// explain takes the address, which may hold a token, off an error of the client, and says what someone can do.
func (c *Client) explain(err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrPrivate):
		return fmt.Errorf("%w: %w", notifier.ErrPermanent, err)
	case errors.As(err, &name):
		return fmt.Errorf("%w (check the host)", err)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w (see that the certificate is valid and names the host, or name its authority with ca)", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w (nothing listens there)", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", c.timeout)
	}
	if told := err.Error(); c.veil.Replace(told) != told {
		return errors.New(c.veil.Replace(told)) // the other side's own words, in a malformed answer
	}
	return err
}
