package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A token is a word, a text in quotes, or a sign of FlowTraq's language.
type token struct {
	kind tokenKind
	text string // a sign or a word as written; what is between the quotes
	at   int    // where it begins, in bytes
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenSign
	tokenWord
	tokenText
)

// Signs of FlowTraq's language: the longer ones first where one begins with another.
var flowtraqSigns = []string{"&&", "||", "^|", "==", "!=", ">=", "<=", ">", "<", "!", "(", ")"}

// endsWord are the characters besides blanks that no word has.
const endsWord = "()!&|^=<>\"'"

// next moves on to the next token.
func (r *flowtraqReader) next() *Error {
	rest := strings.TrimLeftFunc(r.text[r.at:], unicode.IsSpace)
	r.at = len(r.text) - len(rest)
	r.token = token{at: r.at}
	if rest == "" {
		return nil
	}
	if c := rest[0]; c == '"' || c == '\'' {
		end := strings.IndexByte(rest[1:], c)
		if end < 0 {
			return r.fail(r.at, "this text has no end", "it ends with the quote that it begins with")
		}
		r.token.kind, r.token.text = tokenText, rest[1:1+end]
		r.at += end + 2
		return nil
	}
	for _, sign := range flowtraqSigns {
		if strings.HasPrefix(rest, sign) {
			r.token.kind, r.token.text = tokenSign, sign
			r.at += len(sign)
			return nil
		}
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(endsWord, c) })
	switch {
	case end < 0:
		end = len(rest)
	case end == 0:
		_, size := utf8.DecodeRuneInString(rest)
		return r.fail(r.at, quoteShort(rest[:size])+" alone means nothing", map[string]string{"=": "equality is ==", "&": "and is &&", "|": "or is ||", "^": "exactly one of two is ^|"}[rest[:size]])
	}
	r.token.kind, r.token.text = tokenWord, rest[:end]
	r.at += end
	return nil
}

// found says in a message what the token is.
func (t token) found() string {
	if t.kind == tokenEnd {
		return "the end"
	}
	return quoteShort(t.text)
}

func (r *flowtraqReader) fail(at int, reason, hint string) *Error {
	return newError(r.text, at, reason, hint)
}
