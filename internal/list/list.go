// Package list keeps lists of addresses and networks that rules and questions name, such as blacklists, and reads them anew
// when their files change.
package list

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/prefix"
)

// Limits of a list.
const (
	MaxEntries = 1_000_000
	MaxBytes   = 128 << 20
	maxLine    = 64 << 10 // bytes of a line
	maxText    = 200      // bytes of what an entry says of itself
	maxBroken  = 10       // broken lines that are told one by one
)

// A List is what one file holds, as it was last read. It may be asked by several goroutines, also while it is read anew: who
// asks then is answered by the old one or the new one.
type List struct {
	name string
	now  atomic.Pointer[content]
}

// content is what was read of a file. It is never changed.
type content struct {
	stamp stamp
	stale error // why it is not what the file of the stamp holds; nil: it is
	table prefix.Table[said]
	texts []byte
}

// said is where the text of an entry stands.
type said struct {
	at   uint32
	size uint8
}

// Name returns what rules call the list.
func (l *List) Name() string { return l.name }

// Len returns the number of different entries.
func (l *List) Len() int { return l.now.Load().table.Len() }

// Holds reports whether an address, IPv4 in its mapped form, is on the list or in a network on it.
func (l *List) Holds(a [16]byte) bool {
	_, ok := l.now.Load().table.Smallest(a)
	return ok
}

// Entry returns the smallest entry that holds an address, and what the file says of it; false when none does.
func (l *List) Entry(a [16]byte) (entry string, ok bool) {
	c := l.now.Load()
	for network, s := range c.table.Around(a) {
		entry = prefix.Format(network)
		if s.size > 0 {
			entry += " (" + string(c.texts[s.at:s.at+uint32(s.size)]) + ")"
		}
		return entry, true
	}
	return "", false
}

// A Broken line is one that is no entry. The others of its file count.
type Broken struct {
	Line int // from 1
	Text string
	Why  string
}

// String tells place and cause, without the name of the file.
func (b Broken) String() string { return fmt.Sprintf("line %d: %s: got %q", b.Line, b.Why, b.Text) }

// read reads a list: an address or a network a line, and behind a blank, a comma or a semicolon what it is. Lines that begin
// with # or ; are comments. Broken lines are counted; the first of them are returned.
func read(r io.Reader) (c *content, broken []Broken, total int, err error) {
	c = &content{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	no := 1
	for ; lines.Scan(); no++ {
		line := lines.Bytes()
		if no == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // a byte order mark
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		if why := c.add(line); why != "" {
			if total++; len(broken) < maxBroken {
				broken = append(broken, Broken{Line: no, Text: clean(line, 60), Why: why})
			}
		}
		if c.table.Len() > MaxEntries {
			return nil, broken, total, fmt.Errorf("more than %d entries", MaxEntries)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, broken, total, fmt.Errorf("line %d: longer than %d KiB, want an address or a network a line", no, maxLine>>10)
	} else if err != nil {
		return nil, broken, total, err
	}
	return c, broken, total, nil
}

// add takes a line in, and says why not when it is broken.
func (c *content) add(line []byte) (why string) {
	word, rest := line, []byte(nil)
	if i := bytes.IndexAny(line, " \t,;#"); i >= 0 {
		word, rest = line[:i], bytes.TrimLeft(line[i:], " \t,;#")
	}
	network, ok := parse(string(word))
	switch {
	case !ok:
		return "want an address or a network, as 192.0.2.1 or 2001:db8::/32"
	case network.Bits() == 0:
		return "it holds every address"
	}
	text := clean(rest, maxText)
	c.table.Set(network, said{at: uint32(len(c.texts)), size: uint8(len(text))})
	c.texts = append(c.texts, text...)
	return ""
}

// parse reads an address or a network. Lists that are handed about name networks by one of their hosts now and then.
func parse(word string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(word); err == nil {
		return prefix.Canonical(p), true
	}
	p, err := prefix.Parse(word)
	return p, err == nil
}

// clean cuts foreign text and leaves out what a terminal could act on.
func clean(text []byte, most int) string {
	if len(text) > 4*most {
		text = text[:4*most]
	}
	s := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, string(text))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
