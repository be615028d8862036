package flow

import "strings"

// MaxLabel bounds what an exporter calls something, in bytes.
const MaxLabel = 255

// Label returns what an exporter calls something as it is shown: up to its first NUL, without what is no text.
func Label(s string) string {
	s, _, _ = strings.Cut(s[:min(len(s), MaxLabel)], "\x00")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
