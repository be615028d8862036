package desk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, inside, most := make(gate, 3), 0, 0
		next := make(chan struct{})
		for range 10 {
			go func() {
				leave, err := g.enter(t.Context(), "ask")
				if err != nil {
					t.Error(err)
					return
				}
				inside++
				most = max(most, inside)
				<-next
				inside--
				leave()
			}()
			synctest.Wait()
		}
		for range 10 {
			next <- struct{}{}
			synctest.Wait()
		}
		if most != 3 || inside != 0 {
			t.Errorf("%d were let in at a time, and %d stayed, want 3 and 0", most, inside)
		}
	})
}

// What fills much memory waits for a place. A desk without a history cannot answer, so who passes is found out.
func TestRankingsWait(t *testing.T) {
	d := New(Parts{})
	for range questions {
		if _, err := d.rankings.enter(t.Context(), "hold a place"); err != nil {
			t.Fatal(err)
		}
	}
	gone := errors.New("the asker is gone")
	ctx, cancel := context.WithCancelCause(api.As(t.Context(), api.Local()))
	cancel(gone)
	for act, ask := range map[string]func() error{
		"rank events":   func() error { _, err := d.Top(ctx, api.TopRequest{}); return err },
		"rank flows":    func() error { _, err := d.Traffic(ctx, api.TrafficRequest{}); return err },
		"list sessions": func() error { _, err := d.FlowSessions(ctx, api.SessionRequest{}); return err },
	} {
		if err := ask(); !errors.Is(err, fault.Unavailable) || !errors.Is(err, gone) {
			t.Errorf("%s: %v, want that there is no place", act, err)
		}
	}
}
