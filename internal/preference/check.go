package preference

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/filter"
	"tocsin/internal/schedule"
)

// Bounds of what a user may set; an attack must not grow the ledger or the time that a notice takes.
const (
	MaxTo      = 20   // addresses
	maxAddress = 254  // bytes of one (RFC 5321, section 4.5.3.1.3, less the angle brackets)
	maxHost    = 253  // bytes of a host name (RFC 1035, section 2.3.4, as text)
	maxSpans   = 21   // of quiet hours: three a day
	maxWhere   = 4096 // bytes of the filter
	maxZone    = 64   // bytes of the name of a zone
)

// Protocols list how messages of syslog travel. These words are those of package notifier/syslog, which a test of package ways
// sees to.
func Protocols() []string { return []string{"udp", "tcp", "tls"} }

// Formats lists what messages of syslog look like.
func Formats() []string { return []string{"rfc3164", "rfc5424", "cef", "leef", "json"} }

// Facilities lists those of RFC 5424, section 6.2.1, by their number.
func Facilities() []string {
	return []string{
		"KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP",
		"NTP", "AUDIT", "ALERT", "CLOCK", "LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6", "LOCAL7",
	}
}

// Periods lists how often a digest may be sent.
func Periods() []string { return []string{schedule.Hourly, schedule.Daily, schedule.Weekly} }

// Validate reports every mistake.
func (p Preferences) Validate() error {
	var mistakes []error
	add := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	if _, err := zoneOf(p.Zone); err != nil {
		add(document.At("zone", short(p.Zone), "an IANA zone such as Europe/Berlin, UTC or Local"))
	}
	if p.MinSeverity > alert.Critical {
		add(document.At("min_severity", int(p.MinSeverity), "INFO, LOW, MEDIUM, HIGH or CRITICAL"))
	}
	if len(p.Where) > maxWhere {
		add(document.At("where", fmt.Sprintf("%d bytes", len(p.Where)), fmt.Sprintf("a filter of at most %d bytes", maxWhere)))
	} else if _, err := filter.Parse(p.Where); err != nil {
		add(document.Wrap("where", err))
	}
	add(p.Mail.validate())
	add(p.Syslog.validate())
	add(validateQuiet(p.Quiet))
	add(p.Digest.validate())
	return errors.Join(mistakes...)
}

func (m Mail) validate() error {
	if len(m.To) > MaxTo {
		return document.At("mail.to", fmt.Sprintf("%d addresses", len(m.To)), fmt.Sprintf("at most %d (make a list of them at your mail server)", MaxTo))
	}
	var mistakes []error
	for i, to := range m.To {
		why := BadAddress(to)
		if why == "" && slices.ContainsFunc(m.To[:i], func(before string) bool { return strings.EqualFold(before, to) }) {
			why = "each address once"
		}
		if why != "" {
			mistakes = append(mistakes, document.At(fmt.Sprintf("mail.to[%d]", i), short(to), why))
		}
	}
	return errors.Join(mistakes...)
}

// BadAddress says what an address of e-mail should be when it is none that tocsin sends to, else "". It must be nothing but
// the address, so that it adds no header, no recipient and no command to what a server is told.
func BadAddress(address string) (want string) {
	const plain = "an address such as alice@example.org"
	for _, r := range address {
		switch {
		case r > 0x7e:
			return plain + ", in ASCII: write the domain as xn--..., as your DNS has it; no server is asked to take other letters before the @"
		case r <= ' ' || strings.ContainsRune(`,;:<>()[]"\`, r):
			return plain + " alone"
		}
	}
	if len(address) > maxAddress {
		return fmt.Sprintf("an address of at most %d bytes", maxAddress)
	}
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address || strings.Count(address, "@") != 1 {
		return plain
	}
	return ""
}

func (s Syslog) validate() error {
	if !s.On() {
		if s != (Syslog{}) {
			return document.At("syslog.host", s.Host, "the name or address of a collector with its other settings, or none of them")
		}
		return nil
	}
	var mistakes []error
	if !IsHost(s.Host) {
		mistakes = append(mistakes, document.At("syslog.host", short(s.Host), "the name or address of a collector, without its port"))
	}
	if s.Port < 0 || s.Port > 65535 {
		mistakes = append(mistakes, document.At("syslog.port", s.Port, "1 to 65535"))
	}
	for _, word := range []struct {
		key, got string
		known    []string
	}{
		{"syslog.protocol", s.Protocol, Protocols()}, {"syslog.format", s.Format, Formats()}, {"syslog.facility", strings.ToUpper(s.Facility), Facilities()},
	} {
		if word.got != "" && !slices.Contains(word.known, word.got) {
			mistakes = append(mistakes, document.Choice(word.key, short(word.got), word.known))
		}
	}
	return errors.Join(mistakes...)
}

// IsHost reports whether a text is the name or address of a host: letters, digits, dots and hyphens, or an IPv6 address
// without brackets and zone.
func IsHost(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_:", r) {
			return false
		}
	}
	return s != "" && len(s) <= maxHost && !strings.HasPrefix(s, "-") && strings.Count(s, ":") != 1
}

func validateQuiet(spans []Span) error {
	if len(spans) > maxSpans {
		return document.At("quiet", fmt.Sprintf("%d spans", len(spans)), fmt.Sprintf("at most %d", maxSpans))
	}
	var mistakes []error
	for i, s := range spans {
		key := fmt.Sprintf("quiet[%d].", i)
		if from, ok := schedule.ParseClock(s.From); !ok || from == schedule.DayMinutes {
			mistakes = append(mistakes, document.At(key+"from", short(s.From), "a time of day from 00:00 to 23:59"))
		}
		if _, ok := schedule.ParseClock(s.To); !ok {
			mistakes = append(mistakes, document.At(key+"to", short(s.To), "a time of day from 00:00 to 24:00"))
		}
		if len(s.Days) > 7 {
			mistakes = append(mistakes, document.At(key+"days", fmt.Sprintf("%d days", len(s.Days)), "at most 7"))
			continue
		}
		for _, day := range s.Days {
			if _, ok := schedule.ParseDay(day); !ok {
				mistakes = append(mistakes, document.At(key+"days", short(day), "mon, tue, wed, thu, fri, sat or sun"))
			}
		}
	}
	if len(mistakes) == 0 && leavesNothing(spans) {
		return document.At("quiet", "every minute of the week", "some minutes in which you are told what was held (to be told nothing, switch mail and syslog off)")
	}
	return errors.Join(mistakes...)
}

func (d Digest) validate() error {
	if !d.On() {
		if d != (Digest{}) {
			return document.At("digest.every", d.Every, "hour, day or week with its other settings, or none of them")
		}
		return nil
	}
	var mistakes []error
	if !slices.Contains(Periods(), d.Every) {
		mistakes = append(mistakes, document.Choice("digest.every", short(d.Every), Periods()))
	}
	if at, ok := schedule.ParseClock(d.At); d.At != "" && (!ok || at == schedule.DayMinutes) {
		mistakes = append(mistakes, document.At("digest.at", short(d.At), "a time of day from 00:00 to 23:59"))
	}
	if _, ok := schedule.ParseDay(d.Day); d.Day != "" && !ok {
		mistakes = append(mistakes, document.At("digest.day", short(d.Day), "mon, tue, wed, thu, fri, sat or sun"))
	}
	if d.Day != "" && d.Every != schedule.Weekly {
		mistakes = append(mistakes, document.At("digest.day", short(d.Day), "none unless every is week"))
	}
	if d.UpTo > alert.High {
		mistakes = append(mistakes, document.At("digest.up_to", d.UpTo.String(), "INFO, LOW, MEDIUM or HIGH: CRITICAL waits for no digest"))
	}
	return errors.Join(mistakes...)
}

// short bounds foreign text in messages.
func short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
