package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/notifier/notifiertest"
)

// chainConfig tells every alert to a mail server, to a collector of syslog and to a web hook.
const chainConfig = base + `sources: {syslog: [], flows: []}
detect: {save_every: 1s}
notify:
  post: {min_severity: INFO, via: {mail: {server: 127.0.0.1, port: %d, tls: starttls, ca: %q, user: alice, password: open sesame, from: tocsin@example.org, to: [security@example.org]}}}
  siem: {min_severity: INFO, via: {syslog: {host: 127.0.0.1, port: %d, transport: tls, ca: %q, format: rfc5424}}}
  hook: {min_severity: INFO, via: {webhook: {url: %q, secret: correct horse battery staple, timeout: 2s}}}
rules:
  - name: busy
    from: log
    where: has(user.name)
    detect: {threshold: {by: [user.name], over: 30m, at_least: 5}}
    severity: HIGH
`

// A fickle receiver takes a notice only now and then: it refuses, hangs, breaks off, and takes some without saying so.
type fickle struct {
	mu    sync.Mutex
	calls int
	took  map[string]int // by idempotency key
	end   chan struct{}  // closed when the test is over
}

func (f *fickle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	f.mu.Lock()
	f.calls++
	mood := f.calls % 12
	if mood != 1 && mood != 4 && mood != 7 {
		f.took[key]++
	}
	f.mu.Unlock()
	switch mood {
	case 1:
		http.Error(w, "not now", http.StatusInternalServerError)
	case 4:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many", http.StatusTooManyRequests)
	case 7:
		select {
		case <-f.end:
		case <-r.Context().Done():
		}
	case 10: // taken, and nobody hears of it
		panic(http.ErrAbortHandler)
	}
}

func (f *fickle) keys() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := map[string]int{}
	for k, n := range f.took {
		keys[k] = n
	}
	return keys
}

// TestNoticesOverKills: with real servers at the other end, and a web hook that misbehaves, no notice is lost however often
// the process is killed, and what comes twice has the same Message-ID, KEY or Idempotency-Key.
func TestNoticesOverKills(t *testing.T) {
	t.Parallel()
	const people = 20
	until := time.Now().Add(time.Hour)
	post, collector := notifiertest.Mail(t, "starttls", until), notifiertest.Collect(t, until)
	hook := &fickle{took: map[string]int{}, end: make(chan struct{})}
	receiver := httptest.NewServer(hook)
	defer receiver.Close()
	defer close(hook.end)
	var mu sync.Mutex
	mails := map[string]int{}
	messageID := regexp.MustCompile(`(?mi)^Message-ID:\s*<([^>]+)>`)
	go func() {
		for l := range post.Letters {
			if id := messageID.FindStringSubmatch(l.Data); id != nil && l.User == "alice" && l.TLS {
				mu.Lock()
				mails[id[1]]++
				mu.Unlock()
			}
		}
	}()
	siemKey := regexp.MustCompile(` KEY="([^"]+)"`)
	logged := func() map[string]int {
		text, err := os.ReadFile(collector.Output)
		if err != nil {
			return nil // nothing has come yet
		}
		keys := map[string]int{}
		for _, found := range siemKey.FindAllStringSubmatch(string(text), -1) {
			keys[found[1]]++
		}
		return keys
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "tocsin.yaml")
	write(t, config, fmt.Sprintf(chainConfig, post.Port, post.CA, collector.Ports["tls"], collector.CA, receiver.URL), 0o600)

	random := rand.New(rand.NewPCG(4, 4))
	next, died := 0, 0
	for _, crash := range []string{"after-send-before-outbox:1", "", "after-send-before-outbox:4", "after-ledger-before-snapshot:1", "", "after-send-before-outbox:9", ""} {
		d := start(t, filepath.Join(dir, "data"), config, crash)
		var kill *time.Timer
		if crash == "" {
			kill = time.AfterFunc(time.Duration(random.IntN(1500))*time.Millisecond, func() { _ = d.cmd.Process.Kill() })
		}
		for range 3 {
			if next < people-2 && d.post(fmt.Sprintf("person-%d", next), userEvents(fmt.Sprintf("u%d", next), 5)) == nil {
				next++
			}
		}
		died += settle(d, time.Minute) // a state takes its place half a minute after the last event
		if kill != nil {
			kill.Stop()
		}
	}
	if died < 5 {
		t.Errorf("the process died %d times of 7", died)
	}
	d := start(t, filepath.Join(dir, "data"), config, "")
	for next < people {
		if err := d.post(fmt.Sprintf("person-%d", next), userEvents(fmt.Sprintf("u%d", next), 5)); err != nil {
			t.Fatal(err)
		}
		next++
	}
	creations := func(keys map[string]int) (n int) {
		for k := range keys {
			if strings.Contains(k, "-CREATE-") || strings.Contains(k, "-create-") {
				n++
			}
		}
		return n
	}
	mailed := func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		keys := map[string]int{}
		for k, n := range mails {
			keys[k] = n
		}
		return keys
	}
	for deadline := time.Now().Add(3 * time.Minute); ; <-time.After(50 * time.Millisecond) {
		a, b, c := creations(mailed()), creations(logged()), creations(hook.keys())
		if a == people && b == people && c == people {
			break
		}
		if time.Now().After(deadline) || a > people || b > people || c > people {
			t.Fatalf("of %d alerts %d were told by mail, %d by syslog, %d by the web hook\n%v\n%v\n%v", people, a, b, c, mailed(), logged(), hook.keys())
		}
	}
	d.stop()
}
