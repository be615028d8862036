package takeover

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// A logRow is one row of LogTrack's table of logs.
type logRow struct {
	id                             int64
	at                             nullTime
	service, severity, user, extra *string
	message                        *string
	messageBytes, extraBytes       *int64 // before they were cut or left out
}

// fields are those of LogTrack's extra_fields that have a field of ours. All others become labels.
func fields(key string) string {
	switch key {
	case "status":
		return "http.response.status_code"
	case "bytes":
		return "http.response.bytes"
	case "Pid":
		return "process.pid"
	case "eventSource":
		return "event.provider"
	case "awsRegion":
		return "cloud.region"
	case "userAgent":
		return "user_agent.original"
	case "requestID":
		return "http.request.id"
	case "eventID":
		return "event.id"
	case "EventId":
		return "event.code"
	}
	return ""
}

const (
	timeLayout = "2006-01-02T15:04:05.000000Z" // always of one length, so that a zone changes no offset
	maxLine    = 250_000                       // bytes; the parser takes 256 KiB
	maxLabels  = 200
	maxLabel   = 4000 // bytes of a value
)

// line writes a row as one JSON line. Keys are in order, so that it is the same each time.
func (r *run) line(l *logRow) ([]byte, error) {
	object := map[string]any{"labels.logtrack_id": l.id}
	if t, ok := l.at.instant(); ok {
		if r.Zone != nil {
			t = r.moved(t)
		}
		object["@timestamp"] = t.UTC().Format(timeLayout)
	}
	text := func(key string, value *string) {
		if value != nil && *value != "" {
			object[key] = *value
		}
	}
	text("service.name", l.service)
	text("log.level", l.severity)
	text("user.name", l.user)
	text("message", l.message)
	if l.message != nil && l.messageBytes != nil && *l.messageBytes > int64(len(*l.message)) {
		object["labels.logtrack_message_bytes"] = *l.messageBytes
	}
	extra(object, l)
	if m, ok := object["message"].(string); ok && object["http.response.status_code"] != nil {
		request(object, m)
	}
	line, err := json.Marshal(object)
	if m, ok := object["message"].(string); ok && err == nil && len(line) > maxLine { // escapes make it up to six times as long
		object["message"], object["labels.logtrack_message_bytes"] = cut(m, maxLine/16), l.messageBytes
		maps.DeleteFunc(object, func(key string, _ any) bool { return strings.HasPrefix(key, "url.") })
		line, err = json.Marshal(object)
	}
	if err == nil && len(line) > maxLine {
		maps.DeleteFunc(object, func(key string, _ any) bool {
			return strings.HasPrefix(key, "labels.") && !strings.HasPrefix(key, "labels.logtrack_")
		})
		line, err = json.Marshal(object)
	}
	return append(line, '\n'), err
}

// extra takes extra_fields apart. What is no object is kept as a label.
func extra(object map[string]any, l *logRow) {
	switch {
	case l.extra == nil && l.extraBytes != nil:
		object["labels.logtrack_extra_bytes"] = *l.extraBytes
		return
	case l.extra == nil:
		return
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal([]byte(*l.extra), &parts); err != nil {
		object["labels.extra_fields"] = cut(*l.extra, maxLabel)
		return
	}
	for i, key := range slices.Sorted(maps.Keys(parts)) {
		value := plain(parts[key])
		if value == "" || i >= maxLabels {
			continue
		}
		if !field(object, key, value) {
			object["labels."+cut(key, 200)] = cut(value, maxLabel)
		}
	}
}

// field puts a value into the field of ours that it has; false when it has none, or the value does not fit.
func field(object map[string]any, key, value string) bool {
	switch key {
	case "ip", "sourceIPAddress":
		if _, err := netip.ParseAddr(value); err == nil {
			object["source.ip"] = value
			return true
		}
		if key == "sourceIPAddress" { // a service of the cloud
			object["source.domain"] = cut(value, maxLabel)
			return true
		}
		return false
	case "status", "bytes", "Pid":
		if len(value) > 18 || strings.Trim(value, "0123456789") != "" {
			return false
		}
		object[fields(key)] = json.Number(strings.TrimLeft(value[:len(value)-1], "0") + value[len(value)-1:])
		return true
	}
	name := fields(key)
	if name == "" {
		return false
	}
	object[name] = cut(value, maxLabel)
	return true
}

// plain returns a JSON value as text; "" for null.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// request takes the request line of an access log apart, as reading the log itself would.
func request(object map[string]any, line string) {
	parts := strings.Split(line, " ")
	if len(parts) != 3 || strings.Trim(parts[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || parts[0] == "" || parts[1] == "" {
		return
	}
	version, ok := strings.CutPrefix(parts[2], "HTTP/")
	if !ok {
		return
	}
	object["http.request.method"], object["url.original"], object["http.version"] = parts[0], parts[1], version
	path, query, asked := strings.Cut(parts[1], "?")
	if object["url.path"] = path; asked && query != "" {
		object["url.query"] = query
	}
}

// cut shortens a text to so many bytes, at a letter.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
