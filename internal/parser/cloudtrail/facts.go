package cloudtrail

import (
	"bytes"
	"unicode/utf8"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// maxReason bounds how much of an error's text goes into the message, in bytes; error.message has all of it.
const maxReason = 256

// facts is what the end of a record needs to know of its members. Text points into the record or its unescaped strings.
type facts struct {
	name, source, address      []byte
	code, reason               []byte
	user, arn, principal, kind []byte
	invoker, owner             []byte // userIdentity.invokedBy, userIdentity.accountId
	failed                     []byte // the member of responseElements whose value is Failure
	eventType                  []byte
	id, timed, account         bool
}

// fact sets what a member with a meaning of its own says; false when it is to become a label.
func (p *trail) fact(b *event.Builder, in scope, key, v []byte) bool {
	if len(v) == 0 && in != elsewhere { // says no more than null does
		return true
	}
	switch in {
	case outermost:
		return p.about(b, key, v)
	case identity:
		return p.who(b, key, v)
	case response:
		if string(v) == "Failure" {
			p.facts.failed = key
		}
	}
	return false
}

// about reads a member of the record itself (CloudTrail User Guide, "CloudTrail record contents").
func (p *trail) about(b *event.Builder, key, v []byte) bool {
	f := &p.facts
	switch string(key) {
	case "eventTime":
		return p.time(b, v)
	case "eventName":
		f.name = v
		b.Str(event.EventAction, v)
	case "eventSource":
		f.source = v
		b.Str(event.EventProvider, v)
		b.Str(event.ServiceName, v)
	case "eventID":
		f.id = true
		b.Str(event.EventID, v)
	case "requestID":
		b.Str(event.HTTPRequestID, v)
	case "awsRegion":
		b.Str(event.CloudRegion, v)
	case "recipientAccountId":
		f.account = true
		b.Str(event.CloudAccount, v)
	case "sourceIPAddress":
		f.address = v
		if addr, ok := parser.Address(v); ok {
			b.IP(event.SourceIP, addr)
		} else {
			b.Str(event.SourceDomain, v)
		}
	case "userAgent":
		b.Str(event.UserAgent, v)
	case "errorCode":
		f.code = v
		b.Str(event.ErrorCode, v)
	case "errorMessage":
		f.reason = v
		b.Str(event.ErrorMessage, v)
	case "eventType":
		f.eventType = v
		return false
	default:
		return false
	}
	return true
}

// who reads a member of userIdentity (CloudTrail User Guide, "CloudTrail userIdentity element").
func (p *trail) who(b *event.Builder, key, v []byte) bool {
	f := &p.facts
	switch string(key) {
	case "userName":
		f.user = v
		b.Str(event.UserName, v)
		return true
	case "principalId":
		f.principal = v
		b.Str(event.UserID, v)
		return true
	case "arn":
		f.arn = v
	case "type":
		f.kind = v
	case "invokedBy":
		f.invoker = v
	case "accountId":
		f.owner = v
	}
	return false
}

func (p *trail) time(b *event.Builder, v []byte) bool {
	r, ok := instant.RFC3339(v)
	if !ok || r.Len != len(v) {
		return false
	}
	if !r.HasZone {
		b.Flag(event.NoZone)
	}
	b.Time(event.Timestamp, p.zone.Instant(&r))
	p.facts.timed = true
	return true
}

// finish adds what follows from the whole record.
func (p *trail) finish(b *event.Builder, received int64) {
	f := &p.facts
	if !f.timed {
		b.Time(event.Timestamp, received)
		b.Flag(event.NoTime)
	}
	if f.source == nil && len(p.service) > 0 {
		b.Str(event.ServiceName, p.service)
	}
	if !f.account && len(f.owner) > 0 {
		b.Str(event.CloudAccount, f.owner)
	}
	if f.principal == nil && len(f.arn) > 0 {
		b.Str(event.UserID, f.arn)
	}
	b.Text(event.CloudProvider, "aws")
	// A sign-in that was refused carries no code, but says Failure under its own name.
	failed := len(f.code) > 0 || len(f.reason) > 0 || f.failed != nil && bytes.Equal(f.failed, f.name)
	if failed {
		b.Text(event.EventOutcome, "failure")
	} else {
		b.Text(event.EventOutcome, "success")
	}
	p.tell(failed)
	b.Str(event.Message, p.message)
}

// tell writes the message: what was done, by whom, from where, and why it failed.
func (p *trail) tell(failed bool) {
	f := &p.facts
	m := append(p.message[:0], first(f.name, f.eventType, f.source)...)
	if actor := first(f.user, resource(f.arn), f.invoker, f.principal, f.kind); len(actor) > 0 {
		m = append(append(m, " by "...), actor...)
	}
	if len(f.address) > 0 {
		m = append(append(m, " from "...), f.address...)
	}
	if len(f.code) > 0 {
		m = append(append(m, ": "...), f.code...)
	}
	if len(f.reason) > 0 {
		m = append(append(m, ": "...), head(f.reason)...)
	} else if failed && len(f.code) == 0 {
		m = append(m, ": Failure"...)
	}
	p.message = m
}

// first returns the first text that is not empty.
func first(texts ...[]byte) []byte {
	for _, t := range texts {
		if len(t) > 0 {
			return t
		}
	}
	return nil
}

// resource is the sixth part of an Amazon resource name, arn:partition:service:region:account:resource.
func resource(arn []byte) []byte {
	for range 5 {
		i := bytes.IndexByte(arn, ':')
		if i < 0 {
			return nil
		}
		arn = arn[i+1:]
	}
	return arn
}

// head cuts the text of an error between two characters.
func head(reason []byte) []byte {
	if len(reason) <= maxReason {
		return reason
	}
	n := maxReason
	for n > maxReason-utf8.UTFMax && !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}
