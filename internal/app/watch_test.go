package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/config"
	"tocsin/internal/document"
	"tocsin/internal/watch"
)

// watched runs a live app that looks often, until stop is called.
func watched(t *testing.T, dir, file string, change func(*config.Config)) (a *App, stop func()) {
	t.Helper()
	s, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Data, s.Config.HTTP.Listen, s.Config.Journal.FreeFloor, s.Config.Sources.Syslog, s.Config.Sources.Flows = dir, "off", config.Floor{}, nil, nil
	change(s.Config)
	if a, err = New(t.Context(), s, Options{Version: "test", Log: slog.New(slog.DiscardHandler), Live: true, Look: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return a, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// waitOwn waits until an alert of tocsin's own rule is in a state, returns the first such, and does something meanwhile again and again.
func (a *App) waitOwn(t *testing.T, rule string, state alert.State, meanwhile func()) alert.Alert {
	t.Helper()
	ctx := api.As(t.Context(), api.Local())
	var found []alert.Alert
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		meanwhile()
		var err error
		if found, err = a.Service().Alerts(ctx, api.AlertRequest{Rule: rule}); err != nil {
			t.Fatal(err)
		}
		for _, one := range slices.Backward(found) { // the newest comes first, and is another when the machine stood still for a second
			if one.State == state {
				return one
			}
		}
	}
	t.Fatalf("no alert of %s is %s: %+v; sources %+v", rule, state, found, a.ingest.Sources())
	return alert.Alert{}
}

// soon makes silence short.
func soon(c *config.Config) { c.Sources.Files[0].SilentAfter = time.Second }

// A source that says nothing is told of by an alert that lasts over a restart and ends when it speaks.
func TestSilentSource(t *testing.T) {
	dir, config := t.TempDir(), filepath.Join(t.TempDir(), "tocsin.yaml")
	log := filepath.Join(filepath.Dir(config), "access.log")
	for path, text := range map[string]string{log: "", config: "sources: {files: [{name: nginx, paths: [access.log]}]}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, stop := watched(t, dir, config, soon)
	first := a.waitOwn(t, watch.SourceRule, alert.Open, func() {})
	if key := first.Entity.Key(); key != "tocsin.source=nginx" || !strings.Contains(first.Reason, "silent_after") || first.Severity != alert.High {
		t.Errorf("alert about %s: %+v", key, first)
	}
	stop()

	a, stop = watched(t, dir, config, soon)
	if again := a.waitOwn(t, watch.SourceRule, alert.Open, func() {}); again.ID != first.ID {
		t.Errorf("after a restart it is alert %d, before %d", again.ID, first.ID)
	}
	file, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ended := a.waitOwn(t, watch.SourceRule, alert.Ended, func() {
		if _, err := file.WriteString(`{"message":"hello"}` + "\n"); err != nil {
			t.Fatal(err)
		}
	})
	if ended.ID != first.ID {
		t.Errorf("alert %d ended, want %d", ended.ID, first.ID)
	}
	stop()
}

// The heartbeat comes from a tocsin that works, and from no other.
func TestHeartbeatOfTheWhole(t *testing.T) {
	beats := make(chan watch.Beat, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b watch.Beat
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
			t.Error(err)
		}
		select {
		case beats <- b:
		case <-r.Context().Done(): // nobody looks any more
		}
	}))
	defer server.Close()
	a, stop := watched(t, t.TempDir(), "", func(c *config.Config) {
		c.Heartbeat = config.Heartbeat{URL: document.NewSecret(server.URL), Every: 50 * time.Millisecond, ChannelEvery: time.Hour}
	})
	defer stop()
	for range 3 {
		select {
		case b := <-beats:
			if !b.OK || b.Version != "test" {
				t.Errorf("heartbeat %+v", b)
			}
		case <-time.After(time.Minute):
			t.Fatal("no heartbeat")
		}
	}
	if err := a.works(t.Context()); err != nil {
		t.Errorf("works = %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if a.works(gone) == nil {
		t.Error("works though it could not be tried")
	}
}
