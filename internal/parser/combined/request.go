package combined

import (
	"bytes"

	"tocsin/internal/event"
)

// request takes a request line apart (RFC 9112 section 3): method, target, version. What is no request line, such as the
// beginning of a TLS handshake that met a plain port, sets nothing.
func request(b *event.Builder, line []byte) {
	space := bytes.IndexByte(line, ' ')
	if space <= 0 || space > maxMethod || !isMethod(line[:space]) {
		return
	}
	b.Str(event.HTTPMethod, line[:space])
	target := line[space+1:]
	if last := bytes.LastIndexByte(target, ' '); last >= 0 && bytes.HasPrefix(target[last+1:], []byte("HTTP/")) {
		if version := target[last+1+len("HTTP/"):]; len(version) > 0 {
			b.Str(event.HTTPVersion, version)
		}
		target = target[:last]
	}
	if len(target) > 0 {
		url(b, target)
	}
}

// url sets the parts of a request target in origin form (/path?query), absolute form (http://host/path) or any other.
func url(b *event.Builder, target []byte) {
	b.Str(event.URLOriginal, target)
	if target[0] != '/' {
		i := bytes.Index(target, []byte("://"))
		if i <= 0 || i > len("https") {
			return
		}
		b.Str(event.URLScheme, target[:i])
		target = target[i+len("://"):]
		end := bytes.IndexAny(target, "/?")
		if end < 0 {
			end = len(target)
		}
		if domain, _ := hostPort(target[:end]); len(domain) > 0 {
			b.Str(event.URLDomain, domain)
		}
		if target = target[end:]; len(target) == 0 {
			return
		}
	}
	path := target
	if q := bytes.IndexByte(target, '?'); q >= 0 {
		path = target[:q]
		if q+1 < len(target) {
			b.Str(event.URLQuery, target[q+1:])
		}
	}
	if len(path) > 0 {
		b.Str(event.URLPath, path)
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
