package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
	"tocsin/internal/config"
	"tocsin/internal/httpapi"
)

// The service keeps its promises in this process, over the socket, and over TCP with the token of an administrator.
func TestService(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		apitest.Run(t, func(t *testing.T) api.Service { return running(t, false).Service() })
	})
	t.Run("socket", func(t *testing.T) {
		apitest.Run(t, func(t *testing.T) api.Service {
			return client(t, filepath.Join(running(t, true).setup.Config.Data, SocketName), "")
		})
	})
}

func client(t *testing.T, target, token string) api.Service {
	t.Helper()
	c, err := httpapi.NewClient(target, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// running starts an app on an empty directory.
func running(t *testing.T, live bool, change ...func(*Setup)) *App {
	t.Helper()
	return runningWith(t, Options{Live: live}, change...)
}

func runningWith(t *testing.T, o Options, change ...func(*Setup)) *App {
	t.Helper()
	s, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Data, s.Config.HTTP.Listen, s.Config.Journal.FreeFloor = t.TempDir(), "127.0.0.1:0", config.Floor{}
	s.Config.Sources.Syslog, s.Config.Sources.Flows = nil, nil
	for _, c := range change {
		c(s)
	}
	o.Version, o.Log = "test", slog.New(slog.DiscardHandler)
	a, err := New(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return a
}
