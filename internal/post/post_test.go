package post

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

// What is cut fits, begins as before, and says that it was cut; what fits is left alone.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Just("a\xffb\xed\xa0\x80😀é"), rapid.StringOfN(rapid.RuneFrom([]rune("a<&é😀")), 0, 40, -1)).Draw(t, "text")
		most := rapid.IntRange(0, 40).Draw(t, "most")
		size := rapid.SampledFrom([]func(rune) int{Bytes, Characters, func(r rune) int { return map[bool]int{true: 5, false: Bytes(r)}[r == '&'] }}).Draw(t, "size")
		whole := string([]rune(text))
		got := Cut(text, most, size)
		sum := 0
		for _, r := range got {
			sum += size(r)
		}
		if sum > most || !utf8.ValidString(got) {
			t.Fatalf("Cut(%q, %d) = %q of size %d", text, most, got, sum)
		}
		total := 0
		for _, r := range whole {
			total += size(r)
		}
		if total <= most && got != whole {
			t.Fatalf("Cut(%q, %d) = %q, want it whole", text, most, got)
		}
		if total > most && got != "" && (!strings.HasSuffix(got, "…") || !strings.HasPrefix(whole, strings.TrimSuffix(got, "…"))) {
			t.Fatalf("Cut(%q, %d) = %q", text, most, got)
		}
	})
}

// A secret is told in none of the forms in which a server may repeat it.
func TestVeil(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, _ := strconv.Atoi(r.Header.Get("X-Before"))
		http.Error(w, strings.Repeat("x", before)+" "+r.RequestURI+" "+r.Header.Get("Authorization")+" a%2Bb+c", http.StatusBadRequest)
	}))
	defer server.Close()
	address, err := Target(server.URL + "/hooks/t0ken?sig=s1gnature")
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(Options{Timeout: time.Minute, Secrets: []document.Secret{document.NewSecret(address.String()), document.NewSecret("b3arer"), document.NewSecret("ab")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []int{0, maxLine - 50, maxLine - 40, maxLine - 30, maxLine - 20, maxLine - 10} {
		header := http.Header{"Authorization": {"Bearer b3arer"}, "X-Before": {strconv.Itoa(before)}}
		answer, err := client.Do(t.Context(), Request{URL: address, Header: header})
		if err == nil || !errors.Is(err, notifier.ErrPermanent) || before == 0 && !strings.Contains(answer.Line, "*** Bearer ***") {
			t.Fatalf("answer %q, error %v", answer.Line, err)
		}
		for _, secret := range []string{"t0k", "s1g", "b3a"} { // nor its beginning, at the place where the line is cut
			if strings.Contains(answer.Line+err.Error(), secret) {
				t.Errorf("answer %q, error %v", answer.Line, err)
			}
		}
		if len(answer.Line) > maxLine+100 {
			t.Errorf("line of %d bytes", len(answer.Line))
		}
	}
}

// An authority of one's own is trusted where it is named, and only there; an expired certificate nowhere.
func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	address, err := Target(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	certificate, _ := notifiertest.Certify(t, dir, time.Now().Add(time.Hour)) // another one
	for _, ca := range []string{"", certificate} {
		client, err := New(Options{CA: ca, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(t.Context(), Request{URL: address}); err == nil || !strings.Contains(err.Error(), "name its authority with ca") {
			t.Errorf("ca %q: %v", ca, err)
		}
	}
	trusted := filepath.Join(dir, "trusted.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := New(Options{CA: trusted, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := client.Do(t.Context(), Request{URL: address}); err != nil || answer.Line != "200 OK" {
		t.Errorf("a trusted authority: %q, %v", answer.Line, err)
	}
	expired, key := notifiertest.Certify(t, t.TempDir(), time.Now().Add(-time.Hour))
	pair, err := tls.LoadX509KeyPair(expired, key)
	if err != nil {
		t.Fatal(err)
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	old.StartTLS()
	defer old.Close()
	if client, err = New(Options{CA: expired, Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if address, err = Target(old.URL); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(t.Context(), Request{URL: address}); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired certificate: %v", err)
	}
	weak := httptest.NewUnstartedServer(http.NotFoundHandler())
	weak.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10} //nolint:gosec // that is the test
	weak.StartTLS()
	defer weak.Close()
	if address, err = Target(weak.URL); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(t.Context(), Request{URL: address}); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("an old version of TLS: %v", err)
	}
	for _, ca := range []string{filepath.Join(dir, "gone"), filepath.Join(dir, "key.pem")} {
		if _, err := New(Options{CA: ca}); err == nil || !strings.Contains(err.Error(), "ca:") {
			t.Errorf("ca %q: %v", ca, err)
		}
	}
}

func TestTarget(t *testing.T) {
	for _, foul := range []string{"", "http://", "://", "http://a b", "http://u:p@h", "javascript:x", "http://%zz", "ftp://x"} {
		if _, err := Target(foul); err == nil || foul != "" && strings.Contains(err.Error(), foul) {
			t.Errorf("Target(%q) = %v", foul, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 5 ": 5 * time.Second, "-5": 0, "1e3": 0, "99999999999999999999": 0, "100000": MaxLater,
		"Wed, 04 Mar 2026 05:07:07 GMT": time.Minute, "Wed, 04 Mar 2020 05:07:07 GMT": 0, "Wed, 04 Mar 2126 05:07:07 GMT": MaxLater,
	} {
		if got := RetryAfter(value, now); got != want {
			t.Errorf("RetryAfter(%q) = %v, want %v", value, got, want)
		}
	}
	if err := Later(errors.New("x"), 0); err.Error() != "x" {
		t.Error(err)
	}
}

// The shipped words hold for every notice, and say what matters first.
func TestWords(t *testing.T) {
	words, err := DefaultTerms().Words()
	if err != nil {
		t.Fatal(err)
	}
	n := notifiertest.Notice()
	n.Change, n.Node, n.Alert.EndedAt = notifier.End, "berlin", n.Alert.Last
	m := words.Write(n)
	want := "count was 154 over 1h (limit: above 100)\nSince 2026-03-04 04:06:07 UTC, last 2026-03-04 05:06:07 UTC, 3 in all\nEnded 2026-03-04 05:06:07 UTC\nsource.ip 192.0.2.7\n" +
		"Rule ssh-scan, alert 17, tocsin on berlin\n  x"
	if m.Problem != "" || m.Text != want {
		t.Errorf("text %q, problem %q, want %q", m.Text, m.Problem, want)
	}
	silent := DefaultTerms()
	silent.Templates = Templates{Subject: "{{if false}}x{{end}}", Text: " \n\t"}
	if words, err = silent.Words(); err != nil {
		t.Fatal(err)
	}
	if m := words.Write(n); m.Subject != "[HIGH] alert 17" || m.Text != m.Subject {
		t.Errorf("without words: %+v", m)
	}
}

// All that happens to an alert keeps its thread, and nothing else shares it.
func TestThread(t *testing.T) {
	n := notifiertest.Notice()
	thread := Thread(n)
	if thread != url.PathEscape(thread) || len(thread) > 50 {
		t.Errorf("Thread = %q", thread)
	}
	n.Change, n.Key, n.User, n.Attempt = notifier.End, "other", "bob", 7
	a := &n.Alert
	a.First, a.Last, a.Severity, a.Title, a.Triggers, a.RuleName, a.RuleVersion = a.First.Add(-time.Hour), a.Last.Add(time.Hour), 5, "other", 9, "renamed", 2
	if got := Thread(n); got != thread {
		t.Errorf("Thread = %q, was %q", got, thread)
	}
	for what, change := range map[string]func(n *notifier.Notice){
		"number": func(n *notifier.Notice) { n.Alert.ID++ }, "rule": func(n *notifier.Notice) { n.Alert.Rule++ },
		"node": func(n *notifier.Notice) { n.Node = "berlin" }, "entity": func(n *notifier.Notice) { n.Alert.Entity = nil },
	} {
		other := n
		change(&other)
		if Thread(other) == thread {
			t.Errorf("two alerts that differ in %s share a thread", what)
		}
	}
}
