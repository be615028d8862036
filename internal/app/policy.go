package app

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/catalog"
	"tocsin/internal/config"
	"tocsin/internal/delivery"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
	"tocsin/internal/policy"
	"tocsin/internal/preference"
	"tocsin/internal/ways"
)

// A route is a channel of the configuration: how it is reached, who is told over it, and what it was made of.
type route struct {
	delivery.Channel

	told     policy.Channel
	settings notifier.Config
}

// readRoutes makes the channels of the configuration.
func (s *Setup) readRoutes() (errs []error) {
	c, plugins := s.Config, Plugins()
	channels, err := c.Channels(plugins)
	if err != nil {
		errs = append(errs, err)
	}
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		n, err := channels[name].New()
		if err != nil {
			errs = append(errs, fmt.Errorf("notify.%s: %w", name, err))
			continue
		}
		kind, _, err := c.Notify[name].Via.One(slices.Sorted(maps.Keys(plugins.Notifiers)))
		if err != nil {
			continue // as Channels has said
		}
		own, trait := c.Notify[name], catalog.TraitOf(kind)
		usual := c.Alerts.NotifyLimit
		if trait.Machine {
			usual = 0
		}
		s.routes = append(s.routes, route{
			Channel: delivery.Channel{Name: name, Notifier: n, Spare: own.Fallback}, settings: channels[name],
			told: policy.Channel{
				MinSeverity: own.MinSeverity, Limit: own.Limit.Else(usual), Wait: own.Group.Wait, Every: own.Group.Every, Acks: trait.Acknowledges,
			},
		})
	}
	return errs
}

// terms of the policy that a configuration sets.
func terms(c *config.Config) policy.Terms {
	return policy.Terms{Late: c.Alerts.Late, Limit: c.Alerts.NotifyLimit.Else(0)}
}

// toldOver are the channels of the policy.
func toldOver(routes []route) (list []policy.Channel) {
	for _, r := range routes {
		r.told.Name = r.Name
		list = append(list, r.told)
	}
	return list
}

// lines are the channels over which people can be told now: those of the configuration and those of single users.
type lines struct {
	mu     sync.Mutex
	routes []route
	ways   []policy.Way
}

// makePolicy makes the book of who is told, and the delivery.
func (a *App) makePolicy(maker ways.Maker) {
	a.lines.routes = a.setup.routes
	a.policy = policy.NewBook(a.ledger, policy.Options{
		Terms: terms(a.setup.Config), Channels: toldOver(a.setup.routes), Mutes: a.mutes.Current, Log: a.log,
		Ways: func(server preference.MailServer, user string, p preference.Preferences) (list []policy.Way, err error) {
			all, err := maker.For(server, user, p)
			for _, w := range all {
				list = append(list, policy.Way{Channel: w.Channel, To: w.To, Notifier: w.Notifier})
			}
			return list, err
		},
		Changed: func(all []policy.Way) {
			a.lines.mu.Lock()
			defer a.lines.mu.Unlock()
			a.lines.ways = all
			a.openLines()
		},
	})
}

// openLines hands the channels to delivery. It is called with lines.mu held.
func (a *App) openLines() {
	var all []delivery.Channel
	for _, r := range a.lines.routes {
		all = append(all, r.Channel)
	}
	for _, w := range a.lines.ways {
		all = append(all, delivery.Channel{Name: w.Channel, Notifier: w.Notifier})
	}
	a.delivery.SetChannels(all)
}

// reroute goes over to the channels of another configuration. Those that are the same stay, with what is known of their health.
func (a *App) reroute(next *Setup) {
	a.lines.mu.Lock()
	defer a.lines.mu.Unlock()
	routes := slices.Clone(next.routes)
	for i := range routes {
		for _, before := range a.lines.routes {
			if before.Name == routes[i].Name && before.settings != nil && reflect.DeepEqual(before.settings, routes[i].settings) {
				routes[i].Notifier = before.Notifier
			}
		}
	}
	a.lines.routes = routes
	a.openLines() // first, so that nobody is told over a channel that is not there yet
	a.policy.SetChannels(terms(next.Config), toldOver(routes))
}

// storm tells of a recipient for whom more comes than is told one by one.
func (a *App) storm(ctx context.Context, storm ledger.Raging, over bool) {
	about := alert.Entity{{Field: policy.ChannelField, Value: storm.Channel}}
	if over {
		if err := a.own().Clear(ctx, stormRule, about); err != nil {
			a.log.Error("an alert of tocsin's own is not ended", "err", err)
		}
		return
	}
	err := a.own().Raise(ctx, alerting.Own{
		Name: stormRule, Title: "Too many notices", Owner: storm.User, Entity: about, Severity: alert.Medium, Value: float64(storm.Notices),
		Reason: fmt.Sprintf("channel %s: %d notices in the last minute, %d since %s, are told in one summary a minute (alerts.notify_limit, or notify.NAME.limit, says how many go one by one)",
			storm.Channel, storm.Notices, storm.Total, storm.Since.Format("15:04:05 UTC")),
	})
	if err != nil {
		a.log.Error("an alert of tocsin's own is not told", "err", err)
	}
}

// stormRule is the rule of the alert that notices are told in summaries because there are too many.
const stormRule = alert.OwnPrefix + "storm"

// alarm tells of a channel that only fails, over the other channels, until it works.
func (a *App) alarm(ctx context.Context, channel, cause string) error {
	about := alert.Entity{{Field: policy.ChannelField, Value: channel}}
	if cause == "" {
		return a.own().Clear(ctx, policy.ChannelRule, about)
	}
	return a.own().Raise(ctx, alerting.Own{
		Name: policy.ChannelRule, Title: "Channel fails", Entity: about, Severity: alert.High,
		Reason: fmt.Sprintf("nobody is told over channel %s, which only fails: %s (see tocsin notices list --channel %s)", channel, cause, channel),
	})
}
