package weberror

import (
	"bytes"

	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

const apacheServer = "apache"

// apache reads a line as Apache writes it when ErrorLogFormat says nothing else (Apache HTTP Server 2.4, core,
// "ErrorLogFormat"; 2.2 leaves out module and process):
//
//	[Sun Mar 10 11:00:00.123456 2024] [core:error] [pid 12:tid 34] file.c(56): (2)No such file: [client 192.0.2.1:78] AH00128: text, referer: ...
func (l *line) apache(b []byte) flaw {
	l.server = apacheServer
	when, rest, ok := bracket(b)
	if !ok || len(when) < 5 || when[3] != ' ' {
		return flaw{0, noTime}
	}
	r, ok := instant.BSD(when[4:])
	if !ok || r.Year == 0 || r.Len != len(when)-4 {
		return flaw{0, noTime}
	}
	l.when = r
	at := len(b) - len(rest)
	level, rest, ok := bracket(rest)
	if !ok {
		return flaw{at, noLevel}
	}
	if module, after, found := bytes.Cut(level, []byte(":")); found {
		l.module, level = module, after
	}
	if !isLevel(level) {
		return flaw{at, noLevel}
	}
	l.level = level
	if process, after, ok := bracket(rest); ok && bytes.HasPrefix(process, []byte("pid ")) {
		pid, tid, _ := bytes.Cut(process[len("pid "):], []byte(":tid "))
		l.pid, l.tid, rest = pid, tid, after
	}
	l.text(rest)
	return flaw{}
}

// text reads what stands behind the process.
func (l *line) text(b []byte) {
	if i := bytes.Index(b, []byte("): ")); i > 0 && bytes.IndexByte(b[:i], ' ') < 0 && b[0] != '(' {
		if open := bytes.LastIndexByte(b[:i], '('); open > 0 {
			if _, ok := parser.Whole(b[open+1 : i]); ok {
				l.file, b = b[:i+1], b[i+3:]
			}
		}
	}
	if len(b) > 0 && b[0] == '(' {
		if end := bytes.IndexByte(b, ')'); end > 0 {
			if text, after, ok := bytes.Cut(b[end+1:], []byte(": ")); ok {
				if _, ok := parser.Whole(b[1:end]); ok {
					l.errno, l.reason, b = b[1:end], text, after
				}
			}
		}
	}
	if who, after, ok := bracket(b); ok {
		for _, sort := range [...]string{"client ", "remote "} {
			if bytes.HasPrefix(who, []byte(sort)) {
				l.client, b = who[len(sort):], after
				break
			}
		}
	}
	if i := bytes.LastIndex(b, []byte(", referer: ")); i >= 0 {
		l.referrer, b = b[i+len(", referer: "):], b[:i]
	}
	if len(b) > 9 && string(b[:2]) == "AH" && string(b[7:9]) == ": " {
		if _, ok := parser.Whole(b[2:7]); ok {
			l.code = b[:7]
		}
	}
	l.message = b
}

// bracket cuts off what stands in brackets at the beginning, and the blank behind it. Brackets within belong to it, as in
// those of an IPv6 address.
func bracket(b []byte) (inner, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '[' {
		return nil, b, false
	}
	depth := 0
	for i, c := range b {
		switch c {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return b[1:i], bytes.TrimLeft(b[i+1:], " "), true
			}
		}
	}
	return nil, b, false
}

// isLevel reports whether w is a level of either server.
func isLevel(w []byte) bool {
	switch string(w) {
	case "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug":
		return true
	}
	return len(w) == len("trace1") && string(w[:5]) == "trace" && w[5] >= '1' && w[5] <= '8'
}
