package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/httpapi"
)

// followConfig opens an alert about each address.
const followConfig = `http: {listen: "off"}
journal: {free_floor: "off"}
sources: {syslog: [], flows: []}
alerts: {max_open: 20000}
rules:
- name: seen
  from: log
  detect: {threshold: {by: [source.ip], over: 1h, at_least: 1}}
  severity: LOW
`

// A follower keeps what it was told.
type follower struct {
	mu     sync.Mutex
	told   []int64         // numbers of changes, in order
	newest map[int64]int64 // number of the newest change of each alert
	broken int
}

// follow follows all alerts over the socket until the test ends.
func follow(t *testing.T, dir string) *follower {
	t.Helper()
	c, err := httpapi.NewClient(filepath.Join(dir, "tocsin.sock"), "")
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{newest: map[int64]int64{}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.FollowAlerts(ctx, api.AlertFollow{Broken: func(error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.broken++
		}}, func(a api.AlertChange) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.told = append(f.told, a.Change)
			f.newest[a.Alert.ID] = a.Change
			return nil
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; ctx.Err() == nil {
			t.Errorf("FollowAlerts = %v", err)
		}
		_ = c.Close()
	})
	return f
}

// until waits until a follower is as wanted.
func (f *follower) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); ; <-time.After(20 * time.Millisecond) {
		f.mu.Lock()
		done, told, alerts := ok(), len(f.told), len(f.newest)
		f.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s: %d changes of %d alerts were told, %d breaks", what, told, alerts, f.broken)
		}
	}
}

// A burst of 10,000 alerts, and a daemon that is killed in the midst of telling of them: who follows comes back, and in the end
// knows every alert as it is, with no change told twice and none before an older one.
func TestFollowingOverAKill(t *testing.T) {
	dir, config := t.TempDir(), filepath.Join(t.TempDir(), "tocsin.yaml")
	write(t, config, followConfig, 0o600)
	d := start(t, dir, config, "")
	f := follow(t, dir)
	const alerts = 10_000
	post := func(from, to int) {
		var body strings.Builder
		now := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
		for i := from; i < to; i++ {
			fmt.Fprintf(&body, `{"@timestamp":%q,"source.ip":"10.0.%d.%d","message":"x"}`+"\n", now, i>>8, i&255)
		}
		if err := d.post(fmt.Sprintf("%d", from), []byte(body.String())); err != nil {
			t.Fatalf("post: %v\n%s", err, d.said)
		}
	}
	post(0, alerts/2)
	f.until(t, "tenth of the alerts", func() bool { return len(f.told) > alerts/10 })
	d.kill()
	d = start(t, dir, config, "")
	post(alerts/2, alerts)
	f.until(t, "break", func() bool { return f.broken > 0 })
	f.until(t, "alert told of each address", func() bool { return len(f.newest) == alerts })
	want := map[int64]int64{}
	f.until(t, "agreement with the ledger", func() bool {
		var all []alert.Alert
		d.ask("GET", fmt.Sprintf("/api/v1/alerts?limit=%d", 2*alerts), &all)
		for i := range all {
			want[all[i].ID] = all[i].Change
		}
		return len(all) == alerts && maps.Equal(want, f.newest)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.IsSorted(f.told) || len(slices.Compact(slices.Clone(f.told))) != len(f.told) {
		t.Error("changes were told twice, or out of order")
	}
}
