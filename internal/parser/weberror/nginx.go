package weberror

import (
	"bytes"

	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

const nginxServer = "nginx"

// nginx reads a line as nginx writes it (nginx, src/core/ngx_log.c and ngx_http_log_error of
// src/http/ngx_http_core_module.c and ngx_http_request.c):
//
//	2024/03/10 11:00:00 [error] 12#34: *56 text, client: 192.0.2.1, server: name, request: "GET / HTTP/1.1", upstream: "...", host: "...", referrer: "..."
func (l *line) nginx(b []byte) flaw {
	l.server = nginxServer
	if !l.slashed(b) {
		return flaw{0, noTime}
	}
	at := len("2024/03/10 11:00:00 ")
	level, rest, ok := bracket(b[at:])
	if !ok || !isLevel(level) {
		return flaw{at, noLevel}
	}
	l.level = level
	if process, after, ok := bytes.Cut(rest, []byte(": ")); ok {
		pid, tid, ok := bytes.Cut(process, []byte("#"))
		_, isPid := parser.Whole(pid)
		if _, isTid := parser.Whole(tid); ok && isPid && isTid {
			l.pid, l.tid, rest = pid, tid, after
		}
	}
	if len(rest) > 1 && rest[0] == '*' {
		if number1, after, ok := bytes.Cut(rest[1:], []byte(" ")); ok {
			if _, ok := parser.Whole(number1); ok {
				l.connection, rest = number1, after
			}
		}
	}
	l.message = rest
	if i := outside(rest, []byte(", client: ")); i >= 0 {
		l.message = rest[:i]
		l.about(rest[i:])
	}
	return flaw{}
}

// slashed reads 2024/03/10 11:00:00 and the blank behind it.
func (l *line) slashed(b []byte) bool {
	if len(b) < 20 || b[4] != '/' || b[7] != '/' || b[10] != ' ' || b[13] != ':' || b[16] != ':' || b[19] != ' ' {
		return false
	}
	r := instant.Reading{Len: 19}
	for _, part := range [...]struct {
		from, to int
		into     *int
	}{{0, 4, &r.Year}, {5, 7, &r.Month}, {8, 10, &r.Day}, {11, 13, &r.Hour}, {14, 16, &r.Minute}, {17, 19, &r.Second}} {
		n, ok := parser.Whole(b[part.from:part.to])
		if !ok {
			return false
		}
		*part.into = int(n)
	}
	l.when = r
	return r.Year > 0 && r.Valid()
}

// about reads what nginx says of a request, each part behind a comma under its name, always in the same order; what a
// client sent stands in quotes.
func (l *line) about(b []byte) {
	for _, part := range [...]struct {
		name   string
		quoted bool
		into   *[]byte
	}{
		{", client: ", false, &l.client}, {", server: ", false, &l.name}, {", login: ", true, &l.login},
		{", request: ", true, &l.request}, {", subrequest: ", true, &l.subrequest}, {", upstream: ", true, &l.upstream},
		{", host: ", true, &l.host}, {", referrer: ", true, &l.referrer},
	} {
		if !bytes.HasPrefix(b, []byte(part.name)) {
			continue
		}
		b = b[len(part.name):]
		end := bytes.Index(b, []byte(", "))
		if part.quoted {
			if len(b) == 0 || b[0] != '"' {
				return
			}
			b = b[1:]
			if end = bytes.Index(b, []byte(`", `)); end < 0 {
				end = len(bytes.TrimSuffix(b, []byte(`"`)))
			}
		}
		if end < 0 {
			end = len(b)
		}
		*part.into = b[:end]
		if b = b[end:]; part.quoted && len(b) > 0 {
			b = b[1:]
		}
	}
}

// outside returns where text stands that is not between quotation marks, -1 when it does nowhere: nginx puts what a client
// sent into them.
func outside(b, text []byte) int {
	for from := 0; ; {
		i := bytes.Index(b[from:], text)
		if i < 0 {
			return -1
		}
		open := bytes.IndexByte(b[from:from+i], '"')
		if open < 0 {
			return from + i
		}
		from += open + 1
		shut := bytes.IndexByte(b[from:], '"')
		if shut < 0 {
			return -1
		}
		from += shut + 1
	}
}
