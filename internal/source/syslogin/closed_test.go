package syslogin

import (
	"context"
	"log/slog"
	"testing"

	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// A socket that was closed before it was read from, as when the first message over TCP cannot be taken, is not what went wrong.
func TestClosedBeforeItIsRead(t *testing.T) {
	s, err := Open(Options{UDP: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Parser: func() (parser.Parser, error) { return nil, nil }}) //nolint:nilnil // it is never asked
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.datagrams(t.Context(), func(context.Context, *source.Stream, ...source.Record) error { return nil }); err != nil {
		t.Errorf("datagrams = %v, want nil: who closed the socket says why", err)
	}
}
