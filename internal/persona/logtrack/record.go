package logtrack

import (
	"encoding/csv"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// A record is a log as LogTrack knows it, in the order in which its artifacts have it.
type record struct {
	Timestamp   *string `json:"timestamp"` // YYYY-MM-DD HH:MM:SS as the clock of the writer showed it
	Service     *string `json:"service"`
	Severity    *string `json:"severity"`
	Message     string  `json:"message"`
	User        *string `json:"user"`
	ExtraFields any     `json:"extra_fields"`

	at *time.Time // in the zone that it was written in; nil where the log has no time
}

// What LogTrack keeps beside, by format.
type (
	accessExtra struct {
		IP         string  `json:"ip"`
		Identifier *string `json:"identifier"`
		Status     *int    `json:"status"`
		Bytes      *int64  `json:"bytes"`
	}
	hdfsExtra struct {
		LineID        *string `json:"LineId"`
		Pid           *string `json:"Pid"`
		Component     *string `json:"Component"`
		EventID       *string `json:"EventId"`
		EventTemplate *string `json:"EventTemplate"`
	}
	trailExtra struct {
		EventSource     json.RawMessage `json:"eventSource"`
		EventVersion    json.RawMessage `json:"eventVersion"`
		AWSRegion       json.RawMessage `json:"awsRegion"`
		SourceIPAddress json.RawMessage `json:"sourceIPAddress"`
		UserAgent       json.RawMessage `json:"userAgent"`
		RequestID       json.RawMessage `json:"requestID"`
		EventID         json.RawMessage `json:"eventID"`
		EventType       json.RawMessage `json:"eventType"`
	}
)

// An answered is an event as Search gives it, as far as LogTrack would know it.
type answered struct {
	Time     time.Time `json:"@timestamp"`
	Message  string    `json:"message"`
	Original string    `json:"event.original"`
	Dataset  string    `json:"event.dataset"`
	Action   string    `json:"event.action"`
	Zone     string    `json:"event.timezone"`
	Flags    string    `json:"tocsin.flags"`
	Level    *string   `json:"log.level"`
	Service  *string   `json:"service.name"`
	User     *string   `json:"user.name"`
	Status   *int      `json:"http.response.status_code"`
	Bytes    *int64    `json:"http.response.bytes"`
	IP       string    `json:"source.ip"`
	Domain   string    `json:"source.domain"`
	PID      *int64    `json:"process.pid"`

	LineID        *string `json:"labels.line_id"`
	Component     *string `json:"labels.component"`
	EventLabel    *string `json:"labels.event_id"`
	EventTemplate *string `json:"labels.event_template"`
}

// newRecord makes a record of an event.
func newRecord(line json.RawMessage) (record, error) {
	var a answered
	if err := json.Unmarshal(line, &a); err != nil {
		return record{}, fault.New(fault.Unavailable, "read an event: %w", err)
	}
	r := record{Service: a.Service, Severity: a.Level, Message: a.Message, User: a.User, ExtraFields: struct{}{}}
	switch a.Dataset {
	case "combined":
		r.ExtraFields = a.access()
	case "hdfs":
		r.ExtraFields = a.hdfs()
	case "cloudtrail":
		r.Message = a.Action
		var kept trailExtra
		_ = json.Unmarshal([]byte(a.Original), &kept) // a record that was cut has fewer of them
		r.ExtraFields = kept
	}
	if !hasFlag(a.Flags, "no-time") {
		at := a.Time.In(zone(a.Zone))
		text := at.Format(time.DateTime)
		r.Timestamp, r.at = &text, &at
	}
	return r, nil
}

func hasFlag(flags, wanted string) bool {
	for flag := range strings.SplitSeq(flags, ",") {
		if strings.TrimSpace(flag) == wanted {
			return true
		}
	}
	return false
}

// zone reads the zone that a time was written in. What cannot be read is UTC.
func zone(text string) *time.Location {
	for _, layout := range []string{"-0700", "-07:00", "-07"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Location()
		}
	}
	if text == "Local" { // of this machine, which says nothing about the writer
		return time.UTC
	}
	if l, err := time.LoadLocation(text); err == nil {
		return l
	}
	return time.UTC
}

// access returns what stands before the time of a line, and its numbers. The line says it as it was written.
func (a *answered) access() accessExtra {
	x := accessExtra{IP: orElse(a.IP, a.Domain), Status: a.Status, Bytes: a.Bytes}
	before, _, _ := strings.Cut(a.Original, " [")
	if words := strings.Fields(before); len(words) >= 3 {
		x.IP = words[len(words)-3]
		if id := words[len(words)-2]; id != "-" {
			x.Identifier = &id
		}
	}
	return x
}

// hdfsColumns is how many columns the structured form has at least.
const hdfsColumns = 9

func (a *answered) hdfs() hdfsExtra {
	row := csv.NewReader(strings.NewReader(a.Original))
	if c, err := row.Read(); err == nil && len(c) >= hdfsColumns {
		return hdfsExtra{&c[0], &c[3], &c[5], &c[7], &c[8]}
	}
	x := hdfsExtra{LineID: a.LineID, Component: a.Component, EventID: a.EventLabel, EventTemplate: a.EventTemplate}
	if a.PID != nil {
		pid := strconv.FormatInt(*a.PID, 10)
		x.Pid = &pid
	}
	return x
}
