package command

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// A tail keeps the end of what is written to it, as errors stand last. It never refuses, so that a program that floods us
// is not held up before its time is over.
type tail struct {
	mu     sync.Mutex
	kept   []byte
	passed int64 // bytes in all
}

// Write keeps p, or the end of it.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	t.passed += int64(n)
	if n >= maxOutput {
		t.kept = append(t.kept[:0], p[n-maxOutput:]...)
		return n, nil
	}
	if over := len(t.kept) + n - maxOutput; over > 0 {
		t.kept = t.kept[:copy(t.kept, t.kept[over:])]
	}
	t.kept = append(t.kept, p...)
	return n, nil
}

// line returns what was kept as one line, without control characters.
func (t *tail) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.ToValidUTF8(string(t.kept), "\uFFFD")
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	line := strings.Join(words, " ")
	if cut := t.passed - int64(len(t.kept)); cut > 0 {
		line = fmt.Sprintf("(%d bytes before) %s", cut, line)
	}
	return line
}
