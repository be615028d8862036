package syslog

import (
	"bytes"
	"strings"

	"tocsin/internal/parser"
)

// A part is a piece of a phrase, and what follows it: words that stand there, or something to be found.
type part struct {
	what  what
	text  []byte // of words
	inner *part  // of maybe; its end goes on with next
	next  *part
}

type what uint8

const (
	words    what = iota
	maybe         // {?...}: may be missing
	user          // {user}: a name, which may hold anything: it reaches to the last place where the rest still fits
	name          // {name}: a name of one word
	from          // {from}: an address or a host name
	port          // {port}: 0 to 65535
	word          // {w}: a word, not kept
	perhaps       // {o}: a word or none, not kept
	anything      // {*}: anything, also nothing, not kept: it reaches to the first place where the rest fits
)

var whats = map[string]what{"user": user, "name": name, "from": from, "port": port, "w": word, "o": perhaps, "*": anything}

// maxTries bounds how often the reading of one phrase goes back, so that a message full of words of the phrase costs
// little. The place looked for is among the first: visitors choose names, but not what stands behind them.
const maxTries = 32

// maxUser is the longest name in bytes that is one; sshd cuts at 100.
const maxUser = 256

// compile reads the written form of a phrase, text with {...} as above; then follows next. Behind {user} and {*} stand
// words or nothing.
func compile(text string, next *part) *part {
	switch {
	case text == "":
		return next
	case text[0] != '{':
		end := strings.IndexByte(text, '{')
		if end < 0 {
			end = len(text)
		}
		return &part{what: words, text: []byte(text[:end]), next: compile(text[end:], next)}
	}
	depth, end := 0, 0
	for ; end < len(text); end++ {
		if text[end] == '{' {
			depth++
		} else if text[end] == '}' {
			if depth--; depth == 0 {
				break
			}
		}
	}
	next = compile(text[end+1:], next)
	if inner, is := strings.CutPrefix(text[1:end], "?"); is {
		return &part{what: maybe, inner: compile(inner, next), next: next}
	}
	return &part{what: whats[text[1:end]], next: next}
}

// A find is what a phrase found, pointing into the message.
type find struct {
	user, from, port []byte
	addr             [16]byte
	isAddr           bool // from is the address addr, else a host name
	tries            int
}

// match reports whether p and what follows it describe all of b, and keeps what they name.
func (f *find) match(p *part, b []byte) bool {
	for ; p != nil; p = p.next {
		n := 0
		switch p.what {
		case words:
			if !bytes.HasPrefix(b, p.text) {
				return false
			}
			n = len(p.text)
		case maybe:
			name, number := f.user, f.port
			if f.match(p.inner, b) {
				return true
			}
			f.user, f.port = name, number
			continue
		case user:
			return f.matchUser(p.next, b)
		case anything:
			return f.matchAnything(p.next, b)
		case name:
			if n = wordLen(b); n == 0 {
				return false
			}
			f.user = b[:n]
		case word, perhaps:
			if n = wordLen(b); n == 0 && p.what == word {
				return false
			}
		case from:
			if n = f.matchFrom(b); n == 0 {
				return false
			}
		case port:
			if n = digitsLen(b, 5); n == 0 {
				return false
			}
			f.port = b[:n]
		}
		b = b[n:]
	}
	return len(b) == 0
}

// matchUser looks from the end for a place at which the rest fits; whoever chooses the name cannot choose what the
// program writes behind it.
func (f *find) matchUser(rest *part, b []byte) bool {
	if rest == nil {
		if len(b) > 0 && len(b) <= maxUser {
			f.user = b
		}
		return len(b) <= maxUser
	}
	name, number := f.user, f.port
	for end := len(b); f.tries < maxTries; f.tries++ {
		i := bytes.LastIndex(b[:end], rest.text)
		if i < 0 {
			return false
		}
		if 0 < i && i <= maxUser { // an empty one does not hide one found before
			f.user = b[:i]
		}
		if i <= maxUser && f.match(rest, b[i:]) {
			return true
		}
		f.user, f.port = name, number
		end = i + len(rest.text) - 1
	}
	return false
}

func (f *find) matchAnything(rest *part, b []byte) bool {
	if rest == nil {
		return true
	}
	for at := 0; f.tries < maxTries; f.tries++ {
		i := bytes.Index(b[at:], rest.text)
		if i < 0 {
			return false
		}
		if f.match(rest, b[at+i:]) {
			return true
		}
		at += i + 1
	}
	return false
}

// matchFrom reads an address or a host name at the beginning of b and returns its length.
func (f *find) matchFrom(b []byte) int {
	n, colons := 0, 0
	for n < len(b) && n < 256 && (isNameByte(b[n]) || b[n] == ':' || b[n] == '%') {
		if b[n] == ':' {
			colons++
		}
		n++
	}
	if colons == 1 && n > 0 { // 192.0.2.7:22, 192.0.2.7: ...
		n = bytes.IndexByte(b[:n], ':')
	}
	for n > 0 && (b[n-1] == ':' || b[n-1] == '.') {
		n--
	}
	f.from = b[:n]
	if f.addr, f.isAddr = parser.Address(f.from); f.isAddr {
		return n
	}
	// ::ffff:192.0.2.7:22
	if i := bytes.LastIndexByte(f.from, ':'); colons > 1 && i > 0 && bytes.IndexByte(f.from[:i], '.') > 0 {
		f.from = f.from[:i]
		if f.addr, f.isAddr = parser.Address(f.from); f.isAddr {
			return i
		}
	}
	if colons > 1 || bytes.IndexByte(f.from, '%') >= 0 {
		return 0
	}
	return n
}

func isNameByte(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' || c == '-' || c == '_'
}

// wordLen is the length of the word at the beginning of b: up to a blank or a mark that separates, without colons at its end.
func wordLen(b []byte) int {
	n := 0
	for n < len(b) && n < 256 && b[n] > ' ' && !separates(b[n]) {
		n++
	}
	for n > 0 && b[n-1] == ':' {
		n--
	}
	return n
}

func separates(c byte) bool {
	switch c {
	case ',', ';', '(', ')', '[', ']', '<', '>', '"', '\'', '=', 0x7f:
		return true
	}
	return false
}

func digitsLen(b []byte, most int) int {
	n := 0
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	if n > most {
		return 0
	}
	return n
}
