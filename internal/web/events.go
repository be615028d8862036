package web

import (
	"cmp"
	"context"
	"encoding/json"
	"hash/fnv"
	"maps"
	"net"
	"slices"
	"strconv"

	"tocsin/internal/api"
	"tocsin/internal/event"
)

// A row is one of the newest events.
type row struct {
	Key                      string // tells rows apart, so that an unfolded one stays so when the page is renewed
	Time, Service, Who, Text string
	Fields                   []field
}

// A field is a name of an event and its value as people read it.
type field struct {
	Name, Value string
	Matched     bool // it is what the alert is about
}

// newest finds the newest events of all kinds. Those that were found before an error come with it.
func (s *site) newest(ctx context.Context, where string, limit int) (found []row, err error) {
	seen := map[string]int{}
	err = s.Service.Search(ctx, api.SearchRequest{Limit: limit, Where: where}, func(text json.RawMessage) error {
		r, err := newRow(text)
		if err != nil {
			return err
		}
		if seen[r.Key]++; seen[r.Key] > 1 {
			r.Key += "-" + strconv.Itoa(seen[r.Key])
		}
		found = append(found, r)
		return nil
	})
	return found, err
}

// newRow picks out of an event what a person looks for first.
func newRow(text json.RawMessage) (row, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return row{}, err
	}
	first := func(names ...string) string {
		for _, name := range names {
			if v := plain(fields[name]); v != "" {
				return v
			}
		}
		return ""
	}
	r := row{
		Key:  rowKey(text),
		Time: first("@timestamp"), Text: cmp.Or(first("message", "event.original"), flowText(fields), first("event.action")),
		Service: first("service.name", "host.name", "process.name", "host.mac"), Who: first("user.name", "source.ip", "source.domain"),
	}
	if r.Text == "" {
		r.Text = summary(fields)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		r.Fields = append(r.Fields, field{Name: name, Value: plain(fields[name])})
	}
	return r, nil
}

func rowKey(text []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(text) // cannot fail
	return strconv.FormatUint(h.Sum64(), 36)
}

// flowText writes what one end of a session sent to the other, "" for an event that is no flow.
func flowText(fields map[string]json.RawMessage) string {
	if _, is := fields["flow.id"]; !is {
		return ""
	}
	end := func(side string) string {
		ip := cmp.Or(plain(fields[side+".ip"]), "unknown")
		if port := plain(fields[side+".port"]); port != "" {
			return net.JoinHostPort(ip, port)
		}
		return ip
	}
	text := end("source") + " → " + end("destination")
	if transport := plain(fields["network.transport"]); transport != "" {
		text += " " + transport
	}
	if n, err := strconv.ParseUint(plain(fields["source.bytes"]), 10, 64); err == nil {
		text += ", " + octets(n)
	}
	if n, err := strconv.ParseUint(plain(fields["source.packets"]), 10, 64); err == nil {
		text += ", " + count(n) + " packet"
		if n != 1 {
			text += "s"
		}
	}
	if action := plain(fields["event.action"]); action != "" {
		text += ", " + action
	}
	return text
}

// summary writes the fields of an event that has no text.
func summary(fields map[string]json.RawMessage) string {
	text := ""
	for _, f := range event.Fields() {
		if v, ok := fields[f.Name]; ok && f.Type != event.Time {
			text += " " + f.Name + "=" + plain(v)
		}
		if len(text) > 300 {
			break
		}
	}
	return text
}

// plain writes a JSON value as people read it.
func plain(raw json.RawMessage) string {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
