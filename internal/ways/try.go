package ways

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/notifier"
	"tocsin/internal/preference"
)

// TestRule is the rule that test messages name; no rule of anybody's has such a name.
const TestRule = "tocsin-test"

// Bounds of one call: test messages that are sent at the same time, and how long all of them may take.
const (
	atOnce  = 4
	longest = time.Minute
)

// Try sends a test message over each of a user's ways, to each address one of its own, and returns what became of each: the
// other side's own answer, or who was called where, why that failed, and what can be done about it. by is who asked for it.
func (m Maker) Try(ctx context.Context, server preference.MailServer, user, by string, p preference.Preferences) []api.WayTest {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	var all []Way
	var errs []error
	for _, single := range apart(p) {
		ways, err := m.For(server, user, single)
		all, errs = append(all, ways...), append(errs, err)
	}
	tried := make([]api.WayTest, len(all))
	var sending sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, w := range all {
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			tried[i] = w.try(ctx, by, m.Node)
		})
	}
	sending.Wait()
	results := tried
	told := map[string]bool{}
	for _, err := range errs {
		if err != nil && !told[err.Error()] { // the cause names the channel, and is the same for each address
			told[err.Error()] = true
			results = append(results, api.WayTest{User: user, Failed: oneLine(err.Error())})
		}
	}
	return results
}

// apart makes preferences of one way to one recipient each.
func apart(p preference.Preferences) (all []preference.Preferences) {
	for _, address := range p.Mail.To {
		all = append(all, preference.Preferences{Zone: p.Zone, Mail: preference.Mail{To: []string{address}}})
	}
	if p.Syslog.On() {
		all = append(all, preference.Preferences{Zone: p.Zone, Syslog: p.Syslog})
	}
	return all
}

func (w Way) try(ctx context.Context, by, node string) (t api.WayTest) {
	t = api.WayTest{Channel: w.Channel, User: w.User, To: w.To, Via: w.Via}
	defer func() {
		if r := recover(); r != nil { // as in delivery, a notifier that panics has failed like any other
			t.Failed = fmt.Sprintf("channel %s: it panicked: %s", w.Channel, oneLine(fmt.Sprint(r)))
		}
	}()
	answer, err := w.Notifier.Send(ctx, test(w.User, by, node, time.Now()))
	if err != nil {
		t.Failed = fmt.Sprintf("channel %s for user %s: %s", w.Channel, w.User, oneLine(err.Error()))
		return t
	}
	t.Answer = oneLine(answer)
	return t
}

// test is a notice that tells of nothing but itself.
func test(user, by, node string, now time.Time) notifier.Notice {
	reason := fmt.Sprintf("This is a test message for %s, asked for by %s: nothing is wrong, and messages like this one arrive.", user, by)
	return notifier.Notice{
		Key: "test-" + rand.Text(), Change: notifier.Create, User: user, Created: now.UTC(), Attempt: 1, Node: node,
		Alert: alert.Alert{
			RuleName: TestRule, Title: "Test message of tocsin", Severity: alert.Info, State: alert.Open, Reason: reason, Origin: "test",
			First: now.UTC(), Last: now.UTC(), Updated: now.UTC(), Triggers: 1,
		},
	}
}

// maxSaid bounds what is told of an answer, in bytes.
const maxSaid = 2048

// oneLine makes one bounded line of what somebody else said.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > maxSaid {
		s = strings.ToValidUTF8(s[:maxSaid], "") + "…"
	}
	return strings.TrimSpace(s)
}
