package desk

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// Channels are the ways over which people are told.
type Channels interface {
	// Try sends a notice at once and returns the other side's answer.
	Try(ctx context.Context, channel string, n notifier.Notice) (answer string, err error)
	// Preview shows how a channel would send a notice.
	Preview(channel string, n notifier.Notice) (notifier.Preview, error)
	// Wake says that there is something to send.
	Wake()
}

// Bounds of a list of notices.
const (
	usualNotices = 100
	mostListed   = 1000
)

// Notices implements api.Service. Who is no administrator sees his own.
func (d *Desk) Notices(ctx context.Context, q api.NoticeRequest) ([]api.AlertNotice, error) {
	caller, err := d.viewer(ctx)
	if err != nil {
		return nil, err
	}
	states := []string{"", "pending", "leased", "sent", "dead", "held", "bundled", "muted"}
	switch {
	case !slices.Contains(states, q.State):
		return nil, fault.New(fault.Invalid, "state %q: want one of %s", short(q.State), strings.Join(states[1:], ", "))
	case q.Limit < 0 || q.Limit > mostListed:
		return nil, fault.New(fault.Invalid, "limit: got %d, want 0 to %d", q.Limit, mostListed)
	case q.Alert < 0 || q.Before < 0:
		return nil, fault.New(fault.Invalid, "alert and before: want numbers")
	case !caller.Admin && q.User != "" && q.User != caller.User:
		return nil, fault.New(fault.Denied, "notices to %s: only administrators see those to others", short(q.User))
	}
	if !caller.Admin {
		q.User = caller.User
	}
	if q.Limit == 0 {
		q.Limit = usualNotices
	}
	found, err := d.parts.Ledger.Deliveries(ctx, ledger.DeliveryQuery{
		Alert: q.Alert, Channel: q.Channel, User: q.User, State: ledger.NoticeState(q.State), Before: q.Before, Limit: q.Limit,
	})
	if err != nil {
		return nil, err
	}
	list := make([]api.AlertNotice, 0, len(found))
	for i := range found {
		list = append(list, notice(&found[i], caller.Identity))
	}
	return list, nil
}

// short cuts what is quoted in an error.
func short(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}

// notice is one as a caller may see it.
func notice(d *ledger.Delivery, caller api.Identity) api.AlertNotice {
	n := api.AlertNotice{
		ID: d.ID, Alert: d.Alert, Change: string(d.Change), Channel: d.Channel, User: d.User, To: d.To, State: string(d.State), Created: d.Created,
		Hold: string(d.Hold), Why: d.Why, Bundle: d.Bundle,
	}
	if !caller.Admin && d.User != caller.User {
		n.To = masked(d.To)
	}
	if d.State == ledger.Held || d.State == ledger.Pending {
		n.Due = d.Due
	}
	for _, a := range d.Attempts {
		n.Attempts = append(n.Attempts, api.NoticeAttempt{Number: a.Number, Began: a.Began, Ended: a.Ended, Outcome: a.Outcome, Answer: a.Answer})
	}
	return n
}

// masked leaves of an address its first letter.
func masked(to string) string {
	if to == "" {
		return ""
	}
	_, size := utf8.DecodeRuneInString(to)
	return to[:size] + "…"
}

// SendNotices implements api.Service. Who is no administrator sends his own.
func (d *Desk) SendNotices(ctx context.Context, q api.NoticesAgain) (api.NoticesSent, error) {
	caller, err := d.viewer(ctx)
	if err != nil {
		return api.NoticesSent{}, err
	}
	if (len(q.IDs) == 0) == (q.Channel == "") || len(q.IDs) > 10_000 {
		return api.NoticesSent{}, fault.New(fault.Invalid, "send notices again: want numbers, at most 10000, or a channel")
	}
	again := ledger.Again{IDs: q.IDs, Channel: q.Channel, Now: time.Now()}
	if !caller.Admin {
		again.User = caller.User
	}
	sent, err := d.parts.Ledger.SendAgain(ctx, again)
	if err != nil {
		return api.NoticesSent{}, err
	}
	if len(q.IDs) > 0 && len(sent) == 0 {
		return api.NoticesSent{}, fault.New(fault.NotFound, "send notices again: none of these was given up (see tocsin notices list --state dead)")
	}
	d.parts.Channels.Wake()
	return api.NoticesSent{IDs: slices.Concat([]int64{}, sent)}, nil
}

// PreviewNotice implements api.Service.
func (d *Desk) PreviewNotice(ctx context.Context, q api.PreviewRequest) (api.NoticePreview, error) {
	n := testNotice(time.Now())
	n.Alert.Title, n.Alert.Reason = "An example: 192.0.2.7", "count was 154 over 1h (limit: above 100)"
	if q.Alert != 0 {
		found, err := d.Alerts(ctx, api.AlertRequest{ID: q.Alert})
		if err != nil {
			return api.NoticePreview{}, err
		}
		if len(found) == 0 {
			return api.NoticePreview{}, fault.New(fault.NotFound, "no alert %d", q.Alert)
		}
		n.Alert = found[0]
	}
	switch notifier.Change(q.Change) {
	case "":
	case notifier.Create, notifier.Update, notifier.End:
		n.Change = notifier.Change(q.Change)
	case notifier.Summary:
		line := n.Alert
		line.Samples = nil
		n.Change, n.Digest = notifier.Summary, &notifier.Digest{
			Reason: "an example of a summary", Since: line.First, Until: line.Last, Notices: 1, Thread: "preview",
			Lines: []notifier.DigestLine{{Change: notifier.Create, Alert: line}}, Severities: map[string]int{line.Severity.String(): 1},
		}
		n.Alert = n.Digest.Standing()
	default:
		return api.NoticePreview{}, fault.New(fault.Invalid, "change %q: want CREATE, UPDATE, END or SUMMARY", short(q.Change))
	}
	p, err := d.parts.Channels.Preview(q.Channel, n)
	if err != nil {
		return api.NoticePreview{}, err
	}
	shown := api.NoticePreview{Channel: q.Channel, Subject: p.Subject, Text: p.Text, HTML: p.HTML, Problem: p.Problem}
	if p.Shipped != (notifier.Wording{}) {
		shown.Shipped = &api.NoticeTemplates{Subject: p.Shipped.Subject, Text: p.Shipped.Text, HTML: p.Shipped.HTML}
	}
	return shown, nil
}

// TestChannel implements api.Service.
func (d *Desk) TestChannel(ctx context.Context, q api.ChannelTest) (api.ChannelTested, error) {
	n := testNotice(time.Now())
	n.Alert.Reason = fmt.Sprintf("a test message over channel %s, asked for by %s: nothing is wrong, and messages like this one arrive", short(q.Channel), api.Caller(ctx).User)
	answer, err := d.parts.Channels.Try(ctx, q.Channel, n)
	if err != nil {
		return api.ChannelTested{}, err
	}
	return api.ChannelTested{Channel: q.Channel, Answer: answer}, nil
}

// testNotice tells of nothing but itself.
func testNotice(now time.Time) notifier.Notice {
	now = now.UTC()
	return notifier.Notice{
		Key: "test-" + rand.Text(), Change: notifier.Create, Created: now, Attempt: 1,
		Alert: alert.Alert{
			RuleName: "tocsin-test", Title: "Test message of tocsin", Severity: alert.Info, State: alert.Open, Origin: "test",
			First: now, Last: now, Updated: now, Triggers: 1,
		},
	}
}
