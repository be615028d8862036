package shoutrrr

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

const (
	most    = 4    // attempts at once, those that hang among them
	maxText = 1800 // characters: the least that one of the services takes whole
)

// Send makes one attempt. It is over after the timeout, even if the library goes on waiting.
func (s *sender) Send(ctx context.Context, n notifier.Notice) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var one types.Service
	select {
	case one = <-s.idle:
	case <-ctx.Done():
		return "", fmt.Errorf("send by %s: %d attempts before this one still wait for an answer", s.name, most)
	}
	words := s.words.Write(n)
	text := post.Cut(words.Subject+"\n\n"+words.Text, maxText, size)
	if n.Link != "" {
		text += "\n" + n.Link
	}
	done := make(chan error, 1)
	go func() { // ends when the library does
		defer func() { s.idle <- one }()
		defer func() {
			if recover() != nil {
				done <- fmt.Errorf("send by %s: %w: the library panicked", s.name, notifier.ErrPermanent)
			}
		}()
		done <- s.explain(one.Send(harmless(text, n.Link), &types.Params{}))
	}()
	select {
	case err := <-done:
		if err != nil {
			return "", err
		}
		return "taken by " + s.name, nil
	case <-ctx.Done():
		return "", fmt.Errorf("send by %s: no answer within %v", s.name, s.timeout)
	}
}

// harmless breaks up what services read as mentions, links of another name and code: behind each character that begins such a
// thing stands one without width. The last line is our own link, and stays as it is.
func harmless(text, link string) string {
	if link != "" {
		text = strings.TrimSuffix(text, link)
	}
	return breaks.Replace(text) + link
}

const nothing = "\u200b" // ZERO WIDTH SPACE

var breaks = strings.NewReplacer("@", "@"+nothing, "<", "<"+nothing, "]", "]"+nothing, "`", "`"+nothing)

// size is that of a character after it was made harmless.
func size(r rune) int {
	if strings.ContainsRune("@<]`", r) {
		return 2
	}
	return 1
}

// status finds the status of HTTP in the many ways in which the library writes it.
var status = regexp.MustCompile(`(?i)(?:status|code|http)[^0-9]{0,40}\b([1-5][0-9]{2})\b`)

// explain says what went wrong without a word of the library's own: its errors hold URLs, and those hold keys.
func (s *sender) explain(err error) error {
	if err == nil {
		return nil
	}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	told := "it was not taken (the library's reason may hold keys and is not shown; check url)"
	code := 0
	if found := status.FindStringSubmatch(err.Error()); found != nil {
		code, _ = strconv.Atoi(found[1]) // three digits
	}
	switch {
	case errors.As(err, &name):
		told = "the service's host is not known (check url)"
	case errors.As(err, &certificate):
		told = "the service's certificate is not valid"
	case errors.Is(err, syscall.ECONNREFUSED):
		told = "nothing listens there"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		told = "no answer"
	case slices.Contains([]int{400, 413, 422}, code):
		return fmt.Errorf("send by %s: %w: the service answered %d", s.name, notifier.ErrPermanent, code)
	case code >= 300:
		told = fmt.Sprintf("the service answered %d", code)
	}
	return fmt.Errorf("send by %s: %s", s.name, told)
}

// Preview implements notifier.Previewer.
func (s *sender) Preview(n notifier.Notice) notifier.Preview { return s.words.Preview(n) }
