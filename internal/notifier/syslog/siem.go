package syslog

import (
	"fmt"
	"strconv"
	"strings"

	"tocsin/internal/notifier"
)

// version stands where CEF and LEEF want the version of the product; its events keep their meaning over versions.
const version = "1"

// cef writes a notice in the ArcSight Common Event Format, version 0 (Micro Focus, Implementing ArcSight CEF, revision 25):
// a header divided by bars, and an extension of keys and values.
func cef(n notifier.Notice) string {
	a := &n.Alert
	var b strings.Builder
	fmt.Fprintf(&b, "CEF:0|tocsin|tocsin|%s|%s|%s|%d|", version, escapeBar(a.RuleName), escapeBar(a.Title), grade(a.Severity))
	put := func(key, value string) {
		if value != "" {
			b.WriteString(key + "=" + escapeCEF(clip(value)) + " ")
		}
	}
	put("act", string(n.Change))
	put("externalId", strconv.FormatInt(a.ID, 10))
	put("rt", strconv.FormatInt(n.Created.UnixMilli(), 10))
	put("start", strconv.FormatInt(a.First.UnixMilli(), 10))
	put("end", strconv.FormatInt(a.Last.UnixMilli(), 10))
	put("cnt", strconv.FormatInt(a.Triggers, 10))
	for _, p := range []struct{ field, key string }{
		{"source.ip", "src"}, {"source.port", "spt"}, {"destination.ip", "dst"}, {"destination.port", "dpt"},
		{"user.name", "suser"}, {"host.name", "dvchost"}, {"host.mac", "smac"}, {"service.name", "destinationServiceName"},
	} {
		value, _ := of(a.Entity, p.field)
		put(p.key, value)
	}
	put("cs1Label", "state")
	put("cs1", string(a.State))
	put("cs2Label", "entity")
	put("cs2", a.Entity.Key())
	put("cs3Label", "key")
	put("cs3", n.Key)
	put("cfp1Label", "value")
	put("cfp1", number(a.Value))
	put("cfp2Label", "limit")
	put("cfp2", number(a.Limit))
	put("msg", a.Reason)
	return strings.TrimSuffix(b.String(), " ")
}

// escapeBar is for the header, where a bar ends a field.
func escapeBar(s string) string { return strings.NewReplacer(`\`, `\\`, `|`, `\|`).Replace(line(s)) }

// escapeCEF is for the extension, where an equals sign may begin a key.
func escapeCEF(s string) string { return strings.NewReplacer(`\`, `\\`, `=`, `\=`).Replace(line(s)) }

// leef writes a notice in the Log Event Extended Format, version 1.0 (IBM QRadar, LEEF event components): attributes divided
// by tabs. It knows no escapes, so what would divide is a blank.
func leef(n notifier.Notice) string {
	a := &n.Alert
	parts := []string{}
	put := func(key, value string) {
		if value != "" {
			parts = append(parts, key+"="+line(clip(value)))
		}
	}
	put("devTime", strconv.FormatInt(n.Created.UnixMilli(), 10)) // the default format: milliseconds since 1970
	put("cat", string(n.Change))
	put("sev", strconv.Itoa(max(grade(a.Severity), 1)))
	for _, p := range []struct{ field, key string }{
		{"source.ip", "src"}, {"source.port", "srcPort"}, {"destination.ip", "dst"}, {"destination.port", "dstPort"},
		{"user.name", "usrName"}, {"host.name", "identHostName"}, {"host.mac", "srcMAC"},
	} {
		value, _ := of(a.Entity, p.field)
		put(p.key, value)
	}
	put("alertId", strconv.FormatInt(a.ID, 10))
	put("state", string(a.State))
	put("title", a.Title)
	put("entity", a.Entity.Key())
	put("triggers", strconv.FormatInt(a.Triggers, 10))
	put("value", number(a.Value))
	put("limit", number(a.Limit))
	put("reason", a.Reason)
	put("key", n.Key)
	event := strings.NewReplacer("|", "_").Replace(line(a.RuleName))
	return "LEEF:1.0|tocsin|tocsin|" + version + "|" + event + "|" + strings.Join(parts, "\t")
}
