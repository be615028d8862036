package logtrack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// row spells a row of LogTrack's table as Python shows it, which is what `make print` prints.
func (r record) row(n int) string {
	at := "None"
	if r.at != nil {
		at = pyTime(*r.at)
	}
	return fmt.Sprintf("(%d, %s, %s, %s, %s, %s)", n, at, pyText(r.Service), pyText(r.Severity), pyText(&r.Message), pyText(r.User))
}

// pyTime spells a time as repr(datetime) does, in whole seconds.
func pyTime(t time.Time) string {
	clock := fmt.Sprintf("%d, %d, %d, %d, %d", t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute())
	if t.Second() != 0 {
		clock += fmt.Sprintf(", %d", t.Second())
	}
	_, offset := t.Zone()
	zone := "datetime.timezone.utc"
	if offset != 0 {
		days, seconds := 0, offset
		if offset < 0 {
			days, seconds = -1, offset+24*60*60
		}
		delta := fmt.Sprintf("seconds=%d", seconds)
		if days != 0 {
			delta = "days=-1, " + delta
		}
		zone = "datetime.timezone(datetime.timedelta(" + delta + "))"
	}
	return "datetime.datetime(" + clock + ", tzinfo=" + zone + ")"
}

// pyText spells a text as repr(str) does; nothing is None. What a terminal could act on is escaped by that.
func pyText(text *string) string {
	if text == nil {
		return "None"
	}
	quote := '\''
	if strings.ContainsRune(*text, '\'') && !strings.ContainsRune(*text, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range *text {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}

// pyJSON writes v as json.dump(v, indent=2) does: no line end behind it, and nothing but ASCII in it.
func pyJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		text = text[size:]
	}
	return out, nil
}
