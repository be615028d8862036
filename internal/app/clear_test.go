package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/config"
	"tocsin/internal/fault"
)

func TestClearIsForAdministrators(t *testing.T) {
	a := running(t, false)
	_, err := a.Service().Clear(api.As(t.Context(), api.Identity{User: "bob"}), api.ClearRequest{Events: true})
	if !errors.Is(err, fault.Denied) {
		t.Errorf("Clear = %v, want it denied", err)
	}
}

// A file that is followed is read again from its start after everything was cleared, each line once, also over a restart,
// and what comes meanwhile over HTTP is counted once too: it is there wholly or was deleted and counted.
func TestClearBesideFollowedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	lines := strings.Repeat(`{"@timestamp":"2026-01-02T03:04:05Z","message":"followed"}`+"\n", 500)
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	begin := func() (api.Service, context.Context, func()) {
		conf := filepath.Join(dir, "tocsin.yaml")
		if err := os.WriteFile(conf, []byte("sources:\n  files:\n  - {name: app, paths: ["+path+"], format: jsonlines}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Load(conf, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Config.Data, s.Config.HTTP.Listen, s.Config.Journal.FreeFloor = data, "127.0.0.1:0", config.Floor{}
		s.Config.Sources.Syslog, s.Config.Sources.Flows = nil, nil
		a, err := New(t.Context(), s, Options{Version: "test", Log: slog.New(slog.DiscardHandler), Live: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		return a.Service(), api.As(t.Context(), api.Local()), func() {
			stop()
			if err := errors.Join(<-ended, a.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	count := func(svc api.Service, ctx context.Context, where string) int64 {
		top, err := svc.Top(ctx, api.TopRequest{Where: where})
		if err != nil {
			t.Fatal(err)
		}
		return top.Events
	}
	holds := func(svc api.Service, ctx context.Context, want int64) {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for got := int64(-1); got != want; got = count(svc, ctx, `message == "followed"`) {
			if got > want || time.Now().After(deadline) {
				t.Fatalf("%d events of the file are found, want %d", got, want)
			}
		}
	}
	svc, ctx, stop := begin()
	holds(svc, ctx, 500)
	sent, deleted, done := int64(0), int64(0), make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			answer, err := svc.Append(ctx, api.AppendRequest{}, strings.NewReader(`{"message":"sent"}`))
			if err != nil {
				t.Errorf("Append = %v", err)
			}
			sent += int64(answer.Accepted)
		}
	}()
	for range 5 {
		answer, err := svc.Clear(ctx, api.ClearRequest{Alerts: true, Events: true})
		if err != nil {
			t.Fatal(err)
		}
		holds(svc, ctx, 500)
		deleted += answer.Events - 500
	}
	<-done
	if err := svc.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if left := count(svc, ctx, `message == "sent"`); left+deleted != sent {
		t.Errorf("%d were sent, %d deleted and %d are left", sent, deleted, left)
	}
	stop()
	svc, ctx, stop = begin()
	defer stop()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0) // to write it anew would be a truncation, if it was seen
	if err == nil {
		_, err = file.WriteString(lines)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	holds(svc, ctx, 1000)
}
