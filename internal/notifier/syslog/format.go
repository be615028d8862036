package syslog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
)

const (
	appName     = "tocsin"
	maxHostname = 255 // RFC 5424, section 6
	// enterprise is FlowTraq's number in structured data. Its identifiers are kept so that collectors which know its messages
	// understand these.
	enterprise = "41180"
	alertType  = "threshold_exceeded"
)

// severity is that of RFC 5424, section 6.2.1, table 2.
func severity(s alert.Severity) int {
	return [...]int{6, 6, 5, 4, 3, 2}[min(int(s), int(alert.Critical))] // informational, notice, warning, error, critical
}

// grade is a severity of 0 to 10, as CEF and LEEF have it.
func grade(s alert.Severity) int {
	return [...]int{0, 1, 3, 5, 8, 10}[min(int(s), int(alert.Critical))]
}

// format writes a notice as one message. Whatever stands in it begins no other message and no other field.
func (c *Config) format(n notifier.Notice, pid int) []byte {
	most := maxStream
	if c.Transport == UDP {
		most = maxDatagram
	}
	n.Alert.Title, n.Alert.Reason, n.Alert.RuleName = clip(n.Alert.Title), clip(n.Alert.Reason), clip(n.Alert.RuleName)
	var b bytes.Buffer
	facility := max(slices.Index(facilities[:], strings.ToUpper(c.Facility)), 0)
	priority := facility*8 + severity(n.Alert.Severity)
	switch c.Format {
	case RFC5424:
		// The name of the structured data is the name of the message, as FlowTraq has it.
		name := "ftnbi_" + alertType
		fmt.Fprintf(&b, "<%d>1 %s %s %s %d %s [%s@%s", priority, n.Created.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), c.Hostname, appName, pid, name, name, enterprise)
		for _, p := range structured(n) {
			fmt.Fprintf(&b, ` %s="%s"`, p.Field, escapeSD(p.Value))
		}
		b.WriteString("] ")
		b.WriteString(line(sentence(n)))
	case JSON:
		fmt.Fprintf(&b, "<%d>1 %s %s %s %d alert - ", priority, n.Created.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), c.Hostname, appName, pid)
		b.Write(object(n, most-b.Len()))
	default:
		// RFC 3164, section 4.1.2, has the local time of the sender, without year and zone.
		fmt.Fprintf(&b, "<%d>%s %s ", priority, n.Created.Local().Format(time.Stamp), c.Hostname)
		switch c.Format {
		case CEF:
			b.WriteString(cef(n))
		case LEEF:
			b.WriteString(leef(n))
		default:
			fmt.Fprintf(&b, "%s[%d]: %s", appName, pid, line(sentence(n)))
		}
	}
	return cut(b.Bytes(), most)
}

// maxValue bounds one value, in bytes, so that what stands behind it has room.
const maxValue = 200

func clip(s string) string { return string(cut([]byte(s), maxValue)) }

// cut shortens text to at most n bytes, not within a character.
func cut(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// sentence is a notice in one line.
func sentence(n notifier.Notice) string {
	a := &n.Alert
	return fmt.Sprintf("%s %s %q: %s; id=%d rule=%s state=%s triggers=%d first=%s last=%s", n.Change, a.Severity, a.Title, a.Reason,
		a.ID, word(a.RuleName), a.State, a.Triggers, a.First.UTC().Format(time.RFC3339), a.Last.UTC().Format(time.RFC3339))
}

// word quotes what is not one plain word.
func word(s string) string {
	for _, r := range s {
		if r == '"' || r == '=' || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}

// line makes one line of text: control characters, which could end a message or steer a terminal, become blanks.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// header keeps what may stand in a field of the header: printable ASCII without blanks.
func header(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return '_'
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// structured are the parameters that FlowTraq's messages about alerts have, as far as an alert holds them, and ours.
func structured(n notifier.Notice) []alert.Pair {
	a := &n.Alert
	list := []alert.Pair{
		{Field: "ALERT_TYPE", Value: alertType}, {Field: "ID", Value: strconv.FormatInt(a.ID, 10)},
		{Field: "SEVERITY", Value: strconv.Itoa(grade(a.Severity))}, {Field: "CID", Value: "0"},
		{Field: "EARLIEST_UTC", Value: epoch(a.First)}, {Field: "LATEST_UTC", Value: epoch(a.Last)},
	}
	for field, name := range map[string]string{"source.ip": "CLIENT_IP", "destination.ip": "SERVER_IP", "destination.port": "SERVER_PORT"} {
		if value, ok := of(a.Entity, field); ok {
			list = append(list, alert.Pair{Field: name, Value: value})
		}
	}
	slices.SortFunc(list[6:], func(a, b alert.Pair) int { return strings.Compare(a.Field, b.Field) })
	return append(list, alert.Pair{Field: "CHANGE", Value: string(n.Change)}, alert.Pair{Field: "STATE", Value: string(a.State)},
		alert.Pair{Field: "RULE", Value: a.RuleName}, alert.Pair{Field: "ENTITY", Value: a.Entity.Key()},
		alert.Pair{Field: "TRIGGERS", Value: strconv.FormatInt(a.Triggers, 10)}, alert.Pair{Field: "VALUE", Value: number(a.Value)},
		alert.Pair{Field: "LIMIT", Value: number(a.Limit)}, alert.Pair{Field: "KEY", Value: n.Key})
}

func of(e alert.Entity, field string) (string, bool) {
	for _, p := range e {
		if p.Field == field {
			return p.Value, true
		}
	}
	return "", false
}

// epoch is a time in seconds since 1970 UTC, to the microsecond.
func epoch(t time.Time) string {
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// escapeSD is RFC 5424, section 6.3.3.
func escapeSD(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(line(clip(s)))
}

// object is the notice as one line of JSON of at most most bytes, for which it gives up samples and then the entity.
func object(n notifier.Notice, most int) []byte {
	text, err := compact(n)
	if err == nil && len(text) <= most {
		return text
	}
	n.Alert.Samples = nil
	if text, err = compact(n); err == nil && len(text) <= most {
		return text
	}
	n.Alert.Entity, n.Key, n.Link = nil, clip(n.Key), ""
	text, _ = compact(n) // nothing that is left can fail
	return text
}

// compact writes JSON without any control character: those above ASCII, which JSON allows, are escaped as well.
func compact(n notifier.Notice) ([]byte, error) {
	text, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes(), nil
}
