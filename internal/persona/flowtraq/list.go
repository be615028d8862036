package flowtraq

import (
	"bufio"
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/rule"
)

// everybody asks for alerts of all rules that the asker may see.
const everybody = "*"

// nobody is who FlowTraq's lines name where no account was named: the one that it came with.
const nobody = "admin"

// page is how many alerts are asked for at once.
const page = 1000

// list prints the alerts of a user, that with the oldest trigger first: those of his own rules, and those of the rules that
// are everybody's. An empty user stands for all. asks is the account that asks, empty where none is named.
func (o *Options) list(ctx context.Context, service api.Service, asks, of string, since time.Time) error {
	if of != "" {
		// Who may not see a user's alerts is told so, and gets none.
		if _, err := service.Alerts(ctx, api.AlertRequest{User: of, Limit: 1}); err != nil {
			return err
		}
		// A name that is mistyped would be answered with the alerts of everybody's rules, under that name.
		if of != asks {
			if _, err := service.User(ctx, of); err != nil {
				return err
			}
		}
	}
	alerts, err := collect(ctx, service, of, since)
	if err != nil || len(alerts) == 0 {
		return err
	}
	health, err := service.Health(ctx)
	if err != nil {
		return err
	}
	words, err := o.words(ctx, service)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(o.Out)
	zone := health.Location()
	for i := range alerts {
		if _, err := out.WriteString(line(&alerts[i], cmp.Or(of, nobody), words[alerts[i].Rule], zone) + "\n"); err != nil {
			return err
		}
	}
	return out.Flush()
}

// collect asks for alerts page by page, and leaves out of them what is not printed.
func collect(ctx context.Context, service api.Service, of string, since time.Time) ([]alert.Alert, error) {
	var alerts []alert.Alert
	for last := int64(0); ; {
		found, err := service.Alerts(ctx, api.AlertRequest{User: everybody, Since: since, SinceID: last, Oldest: true, Limit: page, Brief: true})
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			last = a.ID
			if of == "" || a.Owner == of || a.Owner == "" {
				a.Samples, a.Handling = nil, alert.Handling{AckedBy: a.AckedBy}
				alerts = append(alerts, a)
			}
		}
		if len(found) < page {
			slices.SortStableFunc(alerts, func(a, b alert.Alert) int { return cmp.Or(a.Last.Compare(b.Last), cmp.Compare(a.ID, b.ID)) })
			return alerts, nil
		}
	}
}

// words returns FlowTraq's wording by number of rule. A rule that is gone has none.
func (o *Options) words(ctx context.Context, service api.Service) (map[int64]*wording, error) {
	rules, err := service.Rules(ctx, api.RuleRequest{Owner: everybody})
	if err != nil {
		return nil, err
	}
	words := map[int64]*wording{}
	for _, kept := range rules {
		read, err := rule.Decode("rule "+strconv.FormatInt(kept.ID, 10), []byte(kept.Text), o.Detectors)
		if err != nil || len(read) != 1 {
			continue // it does not run, and its alerts have the message of any other
		}
		if w, ok := word(&read[0]); ok {
			words[kept.ID] = &w
		}
	}
	return words, nil
}
