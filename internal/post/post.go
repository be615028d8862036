// Package post makes the HTTP requests of notifiers: with a floor under TLS, a bound on time and on what is read of an answer,
// no redirects, and errors that sort what may pass from what will not and that tell no secret.
package post

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"tocsin/internal/document"
)

// Options say how requests are made.
type Options struct {
	// CA is a file of certificates in PEM besides those of the system; "" is none.
	CA string
	// PublicOnly refuses addresses that are not those of the public network.
	PublicOnly bool
	// Timeout bounds one request with its answer.
	Timeout time.Duration
	// Check names the settings that are likely wrong when the other side refuses us: "url, user and password".
	Check string
	// Secrets are taken off all that is told of answers, whoever repeats them.
	Secrets []document.Secret
}

// A Client makes requests. It is safe for use by several goroutines.
type Client struct {
	http    *http.Client
	timeout time.Duration
	check   string
	veil    *strings.Replacer
}

// New returns a client; nothing is connected.
func New(o Options) (*Client, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		text, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, document.At("ca", o.CA, "a file that can be read: "+err.Error())
		}
		if settings.RootCAs, err = x509.SystemCertPool(); err != nil {
			settings.RootCAs = x509.NewCertPool()
		}
		if !settings.RootCAs.AppendCertsFromPEM(text) {
			return nil, document.At("ca", o.CA, "a file of certificates in PEM")
		}
	}
	dialer := &net.Dialer{}
	if o.PublicOnly {
		dialer.Control = publicOnly
	}
	return &Client{timeout: o.Timeout, check: o.Check, veil: veil(o.Secrets), http: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: settings, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
		},
		// Another place was not meant by who wrote the address, and would get the secrets.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// veil replaces secrets, as they are and as they stand in addresses, and of a secret address what stands behind its host.
// What is shorter than four bytes is no secret, and would tear holes into every word.
func veil(secrets []document.Secret) *strings.Replacer {
	var pairs []string
	for _, s := range secrets {
		forms := []string{s.Reveal(), url.PathEscape(s.Reveal()), url.QueryEscape(s.Reveal())}
		if u, err := Target(s.Reveal()); err == nil {
			forms = append(forms, u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery)
		}
		for _, text := range forms {
			if len(text) >= 4 {
				pairs = append(pairs, text, "***")
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// Target reads an address to post to. Errors do not repeat it.
func Target(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("it cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it begins neither with http:// nor with https://")
	case u.Hostname() == "":
		return nil, errors.New("it names no host")
	case u.User != nil:
		return nil, errors.New("a name and password belong in settings of their own")
	}
	return u, nil
}

// Missing reports whether a secret is neither set nor will be read from a file.
func Missing(s document.Secret) bool { return s.Reveal() == "" && s.File() == "" }

// Unread reports whether a secret stands in a file that was not read yet, so that nothing can be said of it.
func Unread(s document.Secret) bool { return s.Reveal() == "" && s.File() != "" }
