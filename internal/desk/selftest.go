package desk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// SelfTestLabel is the label of test events: a word that no other event has.
const SelfTestLabel = "tocsin_selftest"

// Bounds of a self-test.
const (
	testWait   = 30 * time.Second
	maxWait    = 10 * time.Minute
	testLook   = 20 * time.Millisecond
	testUndone = 30 * time.Second
)

// A Trial is how a running tocsin tries itself: a rule for the test event alone, and channels that are told of its alert alone.
type Trial struct {
	Rule     int64    // number of the rule
	Channels []string // that are told
	// End takes the rule away again and ends its alert, which is told too.
	End func(context.Context) error
}

// SelfTest implements api.Service. The test event takes the way of all others: nothing on it is made up for it but the rule.
func (d *Desk) SelfTest(ctx context.Context, q api.SelfTestRequest) (answer api.SelfTestAnswer, err error) {
	if q.Wait == 0 {
		q.Wait = testWait
	}
	switch {
	case q.Wait < time.Second || q.Wait > maxWait:
		return answer, fault.New(fault.Invalid, "wait: got %s, want 1s to 10m", q.Wait)
	case q.NoNotify && q.Channel != "":
		return answer, fault.New(fault.Invalid, "channel %q: no channel is tried where none is to be notified", q.Channel)
	}
	if !d.trying.TryLock() {
		return answer, fault.New(fault.Conflict, "a self-test is running already")
	}
	defer d.trying.Unlock()
	token := strings.ToLower(rand.Text()[:12])
	trial, err := d.parts.Try(ctx, token, q)
	if err != nil {
		return answer, err
	}
	defer func() {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), testUndone)
		defer cancel()
		err = errors.Join(err, trial.End(undo))
	}()
	t := &selfTest{desk: d, token: token, wait: q.Wait, began: time.Now()}
	if err := t.run(ctx, trial); err != nil {
		return answer, err
	}
	t.answer.OK = true
	for _, s := range t.answer.Stations {
		t.answer.OK = t.answer.OK && s.OK
	}
	return t.answer, nil
}

// A selfTest is one under way.
type selfTest struct {
	desk   *Desk
	token  string
	wait   time.Duration
	began  time.Time
	answer api.SelfTestAnswer
}

// run goes from station to station. Behind one that the event did not come to, those that build on it are left out.
func (t *selfTest) run(ctx context.Context, trial Trial) error {
	if !t.intake(ctx) {
		return ctx.Err()
	}
	t.history(ctx)
	if t.alert(ctx, trial.Rule) {
		t.notices(ctx, trial.Channels)
	}
	return ctx.Err()
}

// at notes what came of a station.
func (t *selfTest) at(station string, ok bool, detail string) bool {
	t.answer.Stations = append(t.answer.Stations, api.SelfTestStation{Name: station, OK: ok, Took: time.Since(t.began), Detail: detail})
	return ok
}

// intake hands the event in and learns that it is safe in the journal.
func (t *selfTest) intake(ctx context.Context) bool {
	line, err := json.Marshal(map[string]string{
		"@timestamp": t.began.UTC().Format(time.RFC3339Nano), "kind": "log", "message": "TEST: tocsin tries itself", "labels." + SelfTestLabel: t.token,
	})
	if err != nil {
		return t.at("intake", false, err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	taken, err := t.desk.Append(ctx, api.AppendRequest{Source: "selftest"}, strings.NewReader(string(line)+"\n"))
	switch {
	case err != nil:
		return t.at("intake", false, err.Error())
	case taken.Accepted != 1:
		return t.at("intake", false, fmt.Sprintf("the event was not accepted: %+v", taken.Errors))
	}
	return t.at("intake", true, "accepted and synced to the journal")
}

// until asks again and again whether something has come, at most for the wait of a station; why says why not.
func (t *selfTest) until(ctx context.Context, ask func(context.Context) (done bool, err error)) (why string) {
	ctx, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	look := time.NewTicker(testLook)
	defer look.Stop()
	for {
		done, err := ask(ctx)
		if done {
			return ""
		}
		if err != nil && ctx.Err() == nil {
			why = ": " + err.Error()
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Sprintf("not within %s%s", t.wait, why)
		}
	}
}

// history finds the event by a search.
func (t *selfTest) history(ctx context.Context) {
	q := api.SearchRequest{Where: "labels." + SelfTestLabel + ` == "` + t.token + `"`, Since: t.began.Add(-time.Minute), Limit: 1}
	found := false
	why := t.until(ctx, func(ctx context.Context) (bool, error) {
		err := t.desk.Search(ctx, q, func(json.RawMessage) error {
			found = true
			return nil
		})
		return found, err
	})
	if why != "" {
		t.at("history", false, "no search finds the event "+why)
		return
	}
	t.at("history", true, "found by a search")
}

// alert waits until the event was judged and its alert stands in the ledger.
func (t *selfTest) alert(ctx context.Context, rule int64) bool {
	var opened alert.Alert
	why := t.until(ctx, func(ctx context.Context) (bool, error) {
		found, err := t.desk.parts.Ledger.Alerts(ctx, ledger.AlertQuery{RuleID: rule, SinceChange: -1})
		for _, a := range found {
			if len(a.Entity) == 1 && a.Entity[0].Value == t.token {
				opened = a
			}
		}
		return opened.ID != 0, err
	})
	if why != "" {
		if list := t.desk.parts.Problems(); len(list) > 0 {
			why += " (" + strings.Join(list, "; ") + ")"
		}
		return t.at("alert", false, "the rules made no alert of the event "+why)
	}
	t.answer.Alert = opened.ID
	return t.at("alert", true, fmt.Sprintf("judged, and alert %d is in the ledger", opened.ID))
}

// notices waits until each channel has handed its notice over, or has given it up.
func (t *selfTest) notices(ctx context.Context, channels []string) {
	states := map[string]ledger.Delivery{}
	why := t.until(ctx, func(ctx context.Context) (bool, error) {
		sent, err := t.desk.parts.Ledger.Deliveries(ctx, ledger.DeliveryQuery{Alert: t.answer.Alert})
		left := len(channels)
		for _, n := range sent {
			if states[n.Channel] = n; n.State == ledger.Sent || n.State == ledger.Dead {
				left--
			}
		}
		return left <= 0, err
	})
	for _, channel := range channels {
		n, known := states[channel]
		detail := "no notice was made"
		if known {
			detail = string(n.State)
			if why != "" && n.State != ledger.Sent && n.State != ledger.Dead {
				detail += " " + why
			}
		}
		s := api.SelfTestStation{Name: "notice over " + channel, OK: n.State == ledger.Sent, Took: time.Since(t.began), Detail: detail}
		if last := len(n.Attempts) - 1; last >= 0 {
			s.Detail += ": " + n.Attempts[last].Answer
			if at := n.Attempts[last].Ended; !at.IsZero() {
				s.Took = at.Sub(t.began)
			}
		}
		t.answer.Stations = append(t.answer.Stations, s)
	}
}
