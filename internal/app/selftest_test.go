package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/delivery"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// broken takes no notice.
type broken struct{}

func (broken) Send(context.Context, notifier.Notice) (string, error) {
	return "", fmt.Errorf("it is broken: %w", notifier.ErrPermanent)
}

// busy may take a notice later.
type busy struct{}

func (busy) Send(context.Context, notifier.Notice) (string, error) {
	return "", errors.New("it is busy")
}

// A gate takes notices when it is opened.
type gate chan struct{}

func (g gate) Send(ctx context.Context, _ notifier.Notice) (string, error) {
	select {
	case <-g:
		return "let through", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// A test event comes to every station, the channel that is broken is found out, and what stays behind is an alert that has
// ended and is no rule's.
func TestSelfTest(t *testing.T) {
	held := gate(make(chan struct{}))
	a := running(t, true, func(s *Setup) {
		s.routes = []route{
			{Channel: delivery.Channel{Name: "pager", Notifier: receiver{}}}, {Channel: delivery.Channel{Name: "bad", Notifier: broken{}}},
			{Channel: delivery.Channel{Name: "slow", Notifier: held}},
		}
		s.routes[0].told.MinSeverity = alert.Critical // which a test does not heed
	})
	svc, ctx := a.Service(), api.As(t.Context(), api.Local())
	station := func(answer api.SelfTestAnswer, name string) api.SelfTestStation {
		t.Helper()
		for _, s := range answer.Stations {
			if s.Name == name {
				return s
			}
		}
		t.Fatalf("no station %q in %+v", name, answer)
		return api.SelfTestStation{}
	}
	answer, err := svc.SelfTest(ctx, api.SelfTestRequest{Channel: "pager"})
	if err != nil || !answer.OK || len(answer.Stations) != 4 || !strings.Contains(station(answer, "notice over pager").Detail, "took CREATE") {
		t.Errorf("SelfTest of a good channel = %+v, %v", answer, err)
	}
	if answer, err = svc.SelfTest(ctx, api.SelfTestRequest{Channel: "bad"}); err != nil || answer.OK ||
		!station(answer, "alert").OK || !strings.Contains(station(answer, "notice over bad").Detail, "it is broken") {
		t.Errorf("SelfTest of a broken channel = %+v, %v", answer, err)
	}
	if answer, err = svc.SelfTest(ctx, api.SelfTestRequest{NoNotify: true}); err != nil || !answer.OK || len(answer.Stations) != 3 {
		t.Errorf("SelfTest without channels = %+v, %v", answer, err)
	}
	for _, test := range []struct {
		q    api.SelfTestRequest
		want error
	}{
		{api.SelfTestRequest{Channel: "none"}, fault.NotFound}, {api.SelfTestRequest{Wait: time.Millisecond}, fault.Invalid},
		{api.SelfTestRequest{Wait: time.Hour}, fault.Invalid}, {api.SelfTestRequest{Channel: "pager", NoNotify: true}, fault.Invalid},
	} {
		if _, err := svc.SelfTest(ctx, test.q); !errors.Is(err, test.want) {
			t.Errorf("SelfTest(%+v) = %v, want %v", test.q, err, test.want)
		}
	}
	if _, err := svc.SelfTest(api.As(ctx, api.Identity{User: "bob"}), api.SelfTestRequest{}); err == nil {
		t.Error("anybody may try tocsin")
	}

	// One at a time, and a rule that is added meanwhile does not take the rule of the test away.
	ended := make(chan api.SelfTestAnswer, 1)
	go func() {
		answer, err := svc.SelfTest(ctx, api.SelfTestRequest{Channel: "slow"})
		if err != nil {
			t.Error(err)
		}
		ended <- answer
	}()
	for end := time.Now().Add(time.Minute); a.trial.Load() == nil && time.Now().Before(end); <-time.After(time.Millisecond) {
	}
	if _, err := svc.SelfTest(ctx, api.SelfTestRequest{NoNotify: true}); !errors.Is(err, fault.Conflict) {
		t.Errorf("two tests at once: %v", err)
	}
	if _, err := svc.PutRule(ctx, api.RuleEdit{Text: "name: r\nfrom: log\nwhere: message == \"x\"\ndetect: {threshold: {by: [], over: 1s, at_least: 1}}\n"}); err != nil {
		t.Fatal(err)
	}
	close(held)
	if answer := <-ended; !answer.OK {
		t.Errorf("SelfTest beside a change of rules = %+v", answer)
	}

	rules, err := svc.Rules(ctx, api.RuleRequest{Owner: "*"})
	if err != nil || len(rules) != 1 {
		t.Errorf("rules are %+v, %v, want the one that was added", rules, err)
	}
	left, err := svc.Alerts(ctx, api.AlertRequest{})
	if err != nil || len(left) != 4 {
		t.Fatalf("%d alerts are left, %v, want 4: %+v", len(left), err, left)
	}
	for _, l := range left {
		if l.State != alert.Ended || l.Origin != ledger.Test || l.RuleName != selftestRule || !strings.HasPrefix(l.Title, "TEST") {
			t.Errorf("a test left behind %+v", l)
		}
	}
	if n := len(a.judges[0].engine.Rules()); n != 1 {
		t.Errorf("%d rules judge, want 1", n)
	}
	if _, err := running(t, false).Service().SelfTest(ctx, api.SelfTestRequest{}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("SelfTest where nothing runs = %v", err)
	}
}

// Of a channel that is tried again and again it is told at the end of the wait what it answered last.
func TestSelfTestOfBusyChannel(t *testing.T) {
	a := running(t, true, func(s *Setup) {
		s.routes = []route{{Channel: delivery.Channel{Name: "busy", Notifier: busy{}}}}
	})
	svc, ctx := a.Service(), api.As(t.Context(), api.Local())
	for end := time.Now().Add(time.Minute); ; {
		answer, err := svc.SelfTest(ctx, api.SelfTestRequest{Wait: time.Second})
		if err != nil || answer.OK {
			t.Fatalf("SelfTest of a busy channel = %+v, %v", answer, err)
		}
		last := answer.Stations[len(answer.Stations)-1]
		if last.Name == "notice over busy" && strings.Contains(last.Detail, "not within 1s: it is busy") {
			return
		}
		if time.Now().After(end) { // on a slow machine it may not come so far within a second
			t.Fatalf("SelfTest of a busy channel = %+v", answer)
		}
	}
}
