package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A rule is tried over what its owner may see and nothing else, whoever asks; nobody tries rules for others but administrators.
func TestBoundsOfBackTests(t *testing.T) {
	b := bound(t)
	const each = "name: try\nfrom: log\ndetect: {threshold: {by: [source.ip], over: 1h, at_least: 1}}\nseverity: LOW\n"
	try := func(ctx context.Context, owner string) api.BackTestAnswer {
		t.Helper()
		a, err := b.svc.BackTest(ctx, api.BackTestRequest{Owner: owner, Text: each, Suggest: 1})
		b.must(err)
		return a
	}
	if a := try(b.admin, ""); a.Entities != 5 || a.Suggestion.Measured != 5 {
		t.Errorf("an administrator finds %+v, want all five addresses", a)
	}
	for who, a := range map[string]api.BackTestAnswer{"bob": try(b.bob, ""), "bob by name": try(b.bob, "bob"), "an administrator for bob": try(b.admin, "bob")} {
		if a.Entities != 3 || a.Suggestion.Measured != 3 { // 10.0.0.1, also mapped, 10.0.0.2 and the deputy's
			t.Errorf("%s finds %+v, want three addresses", who, a)
		}
		b.clean(who, a)
	}
	if _, err := b.svc.BackTest(b.bob, api.BackTestRequest{Owner: "anna", Text: each}); !errors.Is(err, fault.Denied) {
		t.Errorf("bob tries a rule for anna: %v, want denied", err)
	}
	b.must(b.svc.DisableUser(b.admin, "bob", true))
	if _, err := b.svc.BackTest(b.bob, api.BackTestRequest{Text: each}); !errors.Is(err, fault.Denied) {
		t.Errorf("bob, who was shut out, tries a rule: %v, want denied", err)
	}
}

// Who waits for his turn and gives up leaves it to the next one.
func TestBackTestsTakeTurns(t *testing.T) {
	svc := running(t, false).Service()
	const text = "name: try\nfrom: log\ndetect: {threshold: {by: [source.ip], over: 1h, at_least: 1}}\nseverity: LOW\n"
	gone, cancel := context.WithCancel(api.As(t.Context(), api.Local()))
	cancel()
	done := make(chan error, 20)
	for i := range cap(done) {
		ctx := gone
		if i%2 == 0 {
			ctx = api.As(t.Context(), api.Local())
		}
		go func() {
			_, err := svc.BackTest(ctx, api.BackTestRequest{Text: text})
			if ctx == gone {
				err = nil
			}
			done <- err
		}()
	}
	for range cap(done) {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a back-test does not get its turn")
		}
	}
}
