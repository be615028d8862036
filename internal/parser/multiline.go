package parser

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Limits of records that are joined of lines.
const (
	usualLines = 500
	mostLines  = 100_000
	usualWait  = 2 * time.Second
	mostWait   = time.Hour
)

// Multiline says which lines of a file are one record, such as a message with its stack trace. Without Start and Continue
// each line is a record.
type Multiline struct {
	// Start is a pattern (RE2) of the first line of each record: lines that it does not match belong to the one before.
	Start string `yaml:"start"`
	// Continue is a pattern (RE2) of lines that belong to the one before, such as '^\s'. Either it or Start is set.
	Continue string `yaml:"continue"`
	// MaxLines bounds one record: 2 to 100000, 0 is 500. What goes beyond is a record of its own.
	MaxLines int `yaml:"max_lines"`
	// MaxBytes bounds one record, line ends between its lines included: up to 262144, 0 is that. What goes beyond is a record
	// of its own.
	MaxBytes int `yaml:"max_bytes"`
	// Wait is how long after the last line of a file that is followed its record is taken for whole: up to 1h, 0 is 2s.
	Wait time.Duration `yaml:"wait"`
}

// On reports whether lines are to be joined.
func (m Multiline) On() bool { return m.Start != "" || m.Continue != "" }

// Limits returns the bounds, the usual ones where none are set.
func (m Multiline) Limits() (lines, bytes int, wait time.Duration) {
	lines, bytes, wait = m.MaxLines, m.MaxBytes, m.Wait
	if lines == 0 {
		lines = usualLines
	}
	if bytes == 0 {
		bytes = MaxRecord
	}
	if wait == 0 {
		wait = usualWait
	}
	return lines, bytes, wait
}

// Validate checks the patterns and the ranges.
func (m Multiline) Validate() error {
	var errs []error
	if m.Start != "" && m.Continue != "" {
		errs = append(errs, errors.New("continue: got a pattern beside start, want one of the two"))
	}
	for _, p := range []struct{ name, text string }{{"start", m.Start}, {"continue", m.Continue}} {
		if _, err := regexp.Compile(p.text); err != nil {
			errs = append(errs, fmt.Errorf("%s: got %q, want a regular expression: %w", p.name, p.text, err))
		}
	}
	if m.MaxLines != 0 && (m.MaxLines < 2 || m.MaxLines > mostLines) {
		errs = append(errs, fmt.Errorf("max_lines: got %d, want 2 to %d", m.MaxLines, mostLines))
	}
	if m.MaxBytes < 0 || m.MaxBytes > MaxRecord {
		errs = append(errs, fmt.Errorf("max_bytes: got %d, want 1 to %d", m.MaxBytes, MaxRecord))
	}
	if m.Wait < 0 || m.Wait > mostWait {
		errs = append(errs, fmt.Errorf("wait: got %v, want up to %v", m.Wait, mostWait))
	}
	return errors.Join(errs...)
}
