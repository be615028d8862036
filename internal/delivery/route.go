package delivery

import (
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// Route says who is told of alert changes: every channel whose least severity the alert reaches. All changes of an alert go
// the same ways, so that whoever heard of its beginning hears of its end. A target names no user, as a channel is read by
// whoever reads it; ways chosen by each user fill that in.
func Route(channels []Channel) ledger.Route {
	return func(c ledger.Change) []ledger.Target {
		switch c.Kind {
		case notifier.Create, notifier.Update, notifier.End:
		default:
			return nil
		}
		if c.Acked {
			return nil
		}
		var targets []ledger.Target
		for _, channel := range channels {
			if c.Alert.Severity >= channel.MinSeverity {
				targets = append(targets, ledger.Target{Channel: channel.Name})
			}
		}
		return targets
	}
}
