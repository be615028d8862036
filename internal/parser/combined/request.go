package combined

import (
	"bytes"

	"tocsin/internal/event"
)

// request takes a request line apart (RFC 9112 section 3): method, target, version. What is no request line, such as the
// beginning of a TLS handshake that met a plain port, sets nothing.
func (a *accessLog) request(b *event.Builder, line []byte) {
	space := len("GET")
	if len(line) < 4 || string(line[:4]) != "GET " {
		space = bytes.IndexByte(line, ' ')
	}
	if space <= 0 || space > maxMethod || !isMethod(line[:space]) {
		return
	}
	b.Str(event.HTTPMethod, line[:space])
	target := line[space+1:]
	last := len(target) - len(" HTTP/1.1")
	if last < 0 || string(target[last:last+len(protocol)]) != protocol || bytes.IndexByte(target[last+1:], ' ') >= 0 {
		last = bytes.LastIndexByte(target, ' ')
	}
	if last >= 0 && bytes.HasPrefix(target[last:], []byte(protocol)) {
		if version := target[last+len(protocol):]; len(version) > 0 {
			b.Str(event.HTTPVersion, version)
		}
		target = target[:last]
	}
	if len(target) > 0 {
		b.StrWith(a.url, target)
	}
}

const protocol = " HTTP/"

// url sets the parts of a request target in origin form (/path?query), absolute form (http://host/path) or any other.
func url(d *event.Derived, target []byte) {
	if target[0] != '/' {
		i := bytes.Index(target, []byte("://"))
		if i <= 0 || i > len("https") {
			return
		}
		d.Set(event.URLScheme, target[:i])
		target = target[i+len("://"):]
		end := bytes.IndexAny(target, "/?")
		if end < 0 {
			end = len(target)
		}
		if domain, _ := hostPort(target[:end]); len(domain) > 0 {
			d.Set(event.URLDomain, domain)
		}
		if target = target[end:]; len(target) == 0 {
			return
		}
	}
	path := target
	if q := bytes.IndexByte(target, '?'); q >= 0 {
		path = target[:q]
		if q+1 < len(target) {
			d.Set(event.URLQuery, target[q+1:])
		}
	}
	if len(path) > 0 {
		d.Set(event.URLPath, path)
	}
}

// maxMethod is far beyond the longest registered method, UPDATEREDIRECTREF.
const maxMethod = 32

func isMethod(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
