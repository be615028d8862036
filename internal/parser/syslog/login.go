package syslog

import (
	"bytes"
	"sync"

	"tocsin/internal/event"
)

// A phrase is one way to word a saying.
type phrase struct {
	parts    *part
	category string
	action   string
	outcome  string
}

// A book is the phrases of one program by the first byte of the message; under 0 those that begin with something found.
type book map[byte][]phrase

// A library holds the phrases of all programs by name. Most messages are of programs that have none, so a look at length
// and first letter comes before one into the map.
type library struct {
	books   map[string]book
	modules book           // of PAM
	first   [maxTag]uint32 // by the length of a name, a bit for its first letter modulo 32
}

// shelf holds the library, made once.
var shelf = sync.OnceValue(func() *library {
	l := &library{books: map[string]book{}}
	for _, p := range programs {
		for _, name := range p.names {
			l.books[name] = l.books[name].with(p)
			l.first[len(name)] |= 1 << (name[0] & 31)
		}
	}
	l.modules = l.modules.with(modules).with(sessions)
	return l
})

// of returns the phrases of a program; nil when there are none.
func (l *library) of(tag []byte) book {
	if len(tag) == 0 || len(tag) >= maxTag || l.first[len(tag)]&(1<<(tag[0]&31)) == 0 {
		return nil
	}
	return l.books[string(tag)]
}

func (k book) with(p program) book {
	if k == nil {
		k = book{}
	}
	for _, s := range p.sayings {
		parts := compile(s.text, nil)
		first := byte(0)
		if parts.what == words {
			first = parts.text[0]
		}
		k[first] = append(k[first], phrase{parts: parts, category: p.category, action: s.action, outcome: s.outcome})
	}
	return k
}

// maxSaid is the length in bytes up to which messages are looked into. Servers cut their lines far below.
const maxSaid = 16 << 10

// login sets the fields of a message that tells of somebody who came in, or tried to.
func (m *messages) login(b *event.Builder, tag, message []byte) {
	if len(tag) == 0 || len(message) < 8 || len(message) > maxSaid || m.library == nil {
		return
	}
	if message[0] == 'p' || message[0] == '(' || tag[len(tag)-1] == ')' {
		if said, isPAM := pluggable(tag, message); isPAM {
			lookUp(b, m.library.modules, said)
			return
		}
		if i := bytes.IndexByte(tag, '('); i > 0 { // auth-worker(22401)
			tag = tag[:i]
		}
	}
	if i := bytes.LastIndexByte(tag, '/'); i >= 0 {
		tag = tag[i+1:]
	}
	if k := m.library.of(tag); k != nil {
		lookUp(b, k, bare(message))
	}
}

func lookUp(b *event.Builder, k book, message []byte) {
	if len(message) == 0 {
		return
	}
	for _, list := range [...][]phrase{k[message[0]], k[0]} {
		for i := range list {
			f := find{}
			if f.match(list[i].parts, message) {
				f.set(b, &list[i])
				return
			}
		}
	}
}

// set sets what a phrase found.
func (f *find) set(b *event.Builder, p *phrase) {
	b.Text(event.EventCategory, p.category)
	b.Text(event.EventAction, p.action)
	if p.outcome != "" {
		b.Text(event.EventOutcome, p.outcome)
	}
	if len(f.user) > 0 && p.action != "ssh_probe" {
		b.Str(event.UserName, f.user)
	}
	if f.isAddr {
		b.IP(event.SourceIP, f.addr)
	} else if len(f.from) > 0 {
		b.Str(event.SourceDomain, f.from)
	}
	if n, ok := decimal(f.port); ok && n <= 65535 {
		b.Int(event.SourcePort, n)
	}
}

// pluggable reports whether one of PAM's modules speaks, and returns what it says. They name themselves before it,
// "pam_unix(sshd:auth): ", "(pam_unix) ", or in the tag, "sshd(pam_unix)".
func pluggable(tag, message []byte) (said []byte, is bool) {
	switch {
	case message[0] == 'p' && bytes.HasPrefix(message, []byte("pam_")):
		i := bytes.Index(message, []byte(": "))
		if i < 0 {
			return nil, false
		}
		return trimPreauth(message[i+2:]), true
	case message[0] == '(' && bytes.HasPrefix(message, []byte("(pam_")):
		i := bytes.Index(message, []byte(") "))
		if i < 0 {
			return nil, false
		}
		return trimPreauth(message[i+2:]), true
	case tag[len(tag)-1] == ')':
		return message, bytes.HasSuffix(tag, []byte("(pam_unix)"))
	}
	return nil, false
}

// bare takes off what says nothing: blanks, the message id of Solaris, "[ID 800047 auth.info] ", the parts and level words
// of dovecot and sshd, and the mark of sshd's unprivileged half.
func bare(b []byte) []byte {
	b = bytes.TrimLeft(b, " ")
	if bytes.HasPrefix(b, []byte("[ID ")) {
		if i := bytes.Index(b, []byte("] ")); i > 0 && i < 40 {
			b = b[i+2:]
		}
	}
	b = bytes.TrimPrefix(b, []byte("dovecot: "))
	if i := bytes.Index(b, []byte("-login: ")); 0 < i && i < 16 && wordLen(b) == i+len("-login") {
		b = b[i+len("-login: "):]
	}
	b = bytes.TrimPrefix(b, []byte("Info: "))
	if bytes.HasPrefix(b, []byte("error: ")) || bytes.HasPrefix(b, []byte("fatal: ")) {
		b = b[7:]
	}
	return trimPreauth(b)
}

func trimPreauth(b []byte) []byte {
	return bytes.TrimRight(bytes.TrimSuffix(b, []byte(" [preauth]")), " ")
}
