package declared

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// A Failure is a sample that became something else than it says.
type Failure struct {
	File   string
	Line   int // of the sample
	Format string
	Text   string   // the line of the sample
	Diff   []string // what differs, one a line
}

// Error gives all of it, over several lines.
func (f Failure) Error() string {
	return fmt.Sprintf("%s:%d: format %s: sample %q\n  %s", f.File, f.Line, f.Format, f.Text, strings.Join(f.Diff, "\n  "))
}

// Test reads the samples of a format and returns those that fail. Each is read by a parser of its own.
func (f *Format) Test() (failed []Failure) {
	for i := range f.Samples {
		s := &f.Samples[i]
		if diff := f.try(s); len(diff) > 0 {
			failed = append(failed, Failure{File: s.File, Line: s.Line, Format: f.Name, Text: s.Text, Diff: diff})
		}
	}
	return failed
}

// try reads one sample and says what differs.
func (f *Format) try(s *Sample) (diff []string) {
	p, err := f.Default().New()
	if err != nil {
		return []string{err.Error()}
	}
	b := event.NewBuilder(f.Kind)
	err = p.Parse(b, []byte(s.Text), s.Received.UnixNano())
	batch := b.Batch()
	if err != nil {
		reason := err.Error()
		if bad, ok := errors.AsType[*parser.Malformed](err); ok {
			reason = bad.Reason
		}
		switch {
		case s.Rejected == "":
			return []string{fmt.Sprintf("got it rejected: %v; want an event", err)}
		case !strings.Contains(reason, s.Rejected):
			return []string{fmt.Sprintf("got it rejected: %s; want it rejected: %s", reason, s.Rejected)}
		}
		return nil
	}
	if batch.Rows != 1 {
		return []string{fmt.Sprintf("got %d events, want one", batch.Rows)}
	}
	row := batch.AppendJSON(nil, 0)
	if s.Rejected != "" {
		return []string{fmt.Sprintf("got the event %s; want it rejected: %s", row, s.Rejected)}
	}
	got, err := fieldsOf(row)
	if err != nil {
		return []string{err.Error()}
	}
	for _, w := range s.Want {
		if have := got[w.Field]; !slices.EqualFunc(have, w.Values, alike) {
			diff = append(diff, fmt.Sprintf("%s: got %s, want %s", w.Field, list(have), list(w.Values)))
		}
	}
	if len(diff) > 0 {
		diff = append(diff, "of "+string(row))
	}
	return diff
}

// fieldsOf reads an event as it is written, in which labels may come several times.
func fieldsOf(row []byte) (map[string][]string, error) {
	fields := map[string][]string{}
	d := json.NewDecoder(bytes.NewReader(row))
	d.UseNumber()
	for {
		key, err := d.Token()
		if err != nil {
			return fields, err
		}
		name, ok := key.(string)
		if !ok { // a brace
			if key == json.Delim('}') {
				return fields, nil
			}
			continue
		}
		value, err := d.Token()
		if err != nil {
			return fields, err
		}
		fields[name] = append(fields[name], fmt.Sprint(value))
	}
}

// alike says that two values are the same, times by what they mean.
func alike(got, want string) bool {
	if got == want {
		return true
	}
	a, err := time.Parse(time.RFC3339Nano, got)
	if err != nil {
		return false
	}
	b, err := time.Parse(time.RFC3339Nano, want)
	return err == nil && a.Equal(b)
}

// list writes values for people.
func list(values []string) string {
	switch len(values) {
	case 0:
		return "nothing"
	case 1:
		return fmt.Sprintf("%q", values[0])
	}
	return fmt.Sprintf("%q", values)
}
