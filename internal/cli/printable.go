package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes foreign text harmless in one line of a terminal: what is not printable, among it escape sequences, line ends
// and characters that turn the direction of text, is shown as an escape; bytes that are no UTF-8 become U+FFFD.
func clean(text string) string {
	return escape(text, false)
}

// printable is clean for text of several lines: line ends and tabs stay.
func printable(text string) string {
	return escape(text, true)
}

func escape(text string, lines bool) string {
	if plain(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && strings.HasPrefix(text[i:], "\xef\xbf\xbd"):
			b.WriteRune(r)
		case r == utf8.RuneError:
			b.WriteRune(unicode.ReplacementChar)
		case unicode.IsPrint(r), lines && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r) // '\n', '\x1b', '\u202e'
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// plain reports whether text is printable ASCII throughout.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

// safeJSON writes JSON on one line, with what a terminal could act on escaped in it. Foul JSON is an error.
func safeJSON(text []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, readable(text)); err != nil {
		return nil, err
	}
	if plain(b.String()) {
		return b.Bytes(), nil
	}
	var out []byte
	for _, r := range b.String() { // what is not ASCII stands inside of strings
		switch {
		case r < utf8.RuneSelf && r != 0x7f, unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out, nil
}

// readable undoes the escapes of <, > and & that encoding/json makes for the sake of web pages.
func readable(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\u00`)) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		code, _ := strings.CutPrefix(string(text[i+1:min(i+6, len(text))]), "u00")
		if at := slices.Index([]string{"3c", "3e", "26"}, code); at >= 0 {
			out = append(out, "<>&"[at])
			i += 5
			continue
		}
		out = append(out, text[i], text[i+1]) // an escaped backslash begins nothing
		i++
	}
	return out
}

// csvCell keeps spreadsheets from taking foreign text for a formula, also behind spaces, which some of them skip: it gets an
// apostrophe before it. Numbers stay.
func csvCell(text string) string {
	text = clean(text)
	first := strings.TrimLeft(text, " ")
	if first == "" || !strings.ContainsRune("=+-@", rune(first[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(first, 64); err == nil {
		return text
	}
	return "'" + text
}
