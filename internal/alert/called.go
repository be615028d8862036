package alert

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Called writes a thing by the name that people gave it, with the thing itself behind, which is what can be searched for:
// "web-1 (192.0.2.7)". Without a name it is the thing.
func Called(name, thing string) string {
	if name == "" || thing == "" {
		return thing
	}
	return name + " (" + thing + ")"
}

// About writes whom the alert is about as Entity.String does, with names.
func (a *Alert) About() string {
	if len(a.Names) == 0 || len(a.Entity) == 0 {
		return a.Entity.String()
	}
	values := make([]string, len(a.Entity))
	for i, p := range a.Entity {
		values[i] = Called(a.Names[p.Value], p.Value)
	}
	return strings.Join(values, " → ")
}

// WithNames writes a text of the alert, such as its title, with names put before the values of its entity that stand in it as words
// of their own: not where 192.0.2.7 is the beginning of 192.0.2.70 or of 192.0.2.7:443.
func (a *Alert) WithNames(text string) string {
	if len(a.Names) == 0 {
		return text
	}
	var b strings.Builder
	for at := 0; at < len(text); {
		value := a.named(text, at)
		if value == "" {
			_, size := utf8.DecodeRuneInString(text[at:])
			b.WriteString(text[at : at+size])
			at += size
			continue
		}
		b.WriteString(Called(a.Names[value], value))
		at += len(value)
	}
	return b.String()
}

// named returns the value of the entity that has a name and stands at a place of a text, "" for none.
func (a *Alert) named(text string, at int) string {
	for _, p := range a.Entity {
		if p.Value == "" || a.Names[p.Value] == "" || !strings.HasPrefix(text[at:], p.Value) {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		rest := text[at+len(p.Value):]
		after, size := utf8.DecodeRuneInString(rest)
		if after == '.' || after == ':' { // the end of a sentence or of what leads to a list, unless it goes on
			after, _ = utf8.DecodeRuneInString(rest[size:])
		}
		if !joins(before) && !joins(after) {
			return p.Value
		}
	}
	return ""
}

// joins reports whether a character makes a longer word of what it stands beside.
func joins(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(".:/%_-#@", r)
}
