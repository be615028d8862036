// Package catalog lists every plug-in, one line each. It is the only package that knows them all.
package catalog

import (
	"tocsin/internal/detector"
	"tocsin/internal/detector/absence"
	"tocsin/internal/detector/deviation"
	"tocsin/internal/detector/novelty"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/command"
	"tocsin/internal/notifier/gotify"
	"tocsin/internal/notifier/mail"
	"tocsin/internal/notifier/matrix"
	"tocsin/internal/notifier/ntfy"
	"tocsin/internal/notifier/pagerduty"
	"tocsin/internal/notifier/pushover"
	"tocsin/internal/notifier/shoutrrr"
	"tocsin/internal/notifier/slack"
	logcollector "tocsin/internal/notifier/syslog"
	"tocsin/internal/notifier/teams"
	"tocsin/internal/notifier/telegram"
	"tocsin/internal/notifier/webhook"
	"tocsin/internal/parser"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/csv"
	"tocsin/internal/parser/hdfs"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/parser/syslog"
	"tocsin/internal/parser/text"
	"tocsin/internal/parser/weberror"
)

// Detectors are what rules can judge by.
func Detectors() detector.Set {
	return detector.Set{
		"absence":   absence.Default,
		"deviation": deviation.Default,
		"novelty":   novelty.Default,
		"threshold": threshold.Default,
	}
}

// Formats are what log lines can be read as.
func Formats() parser.Set {
	return parser.Set{
		"cloudtrail": cloudtrail.Format(),
		"combined":   combined.Format(),
		"csv":        csv.Format(),
		"hdfs":       hdfs.Format(),
		"jsonlines":  jsonlines.Format(),
		"syslog":     syslog.Format(),
		"text":       text.Format(),
		"weberror":   weberror.Format(),
	}
}

// Notifiers are the ways in which people can be told.
func Notifiers() notifier.Set {
	return notifier.Set{
		"command":   command.Default,
		"gotify":    gotify.Default,
		"mail":      mail.Default,
		"matrix":    matrix.Default,
		"ntfy":      ntfy.Default,
		"pagerduty": pagerduty.Default,
		"pushover":  pushover.Default,
		"shoutrrr":  shoutrrr.Default,
		"slack":     slack.Default,
		"syslog":    logcollector.Default,
		"teams":     teams.Default,
		"telegram":  telegram.Default,
		"webhook":   webhook.Default,
	}
}

// A Trait is what must be known of a kind of channel to route notices to it.
type Trait struct {
	Machine      bool // machines read it, whom many notices do not tire
	Acknowledges bool // it can show who took an alert on
}

// TraitOf returns the traits of a kind of channel.
func TraitOf(kind string) Trait {
	switch kind {
	case "command", "syslog", "webhook":
		return Trait{Machine: true}
	case "ntfy", "pagerduty":
		return Trait{Acknowledges: true}
	}
	return Trait{}
}
