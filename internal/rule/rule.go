// Package rule holds rules: which events to look at, what detector judges them, and how much a finding matters. It reads
// them from YAML and tells everything that is wrong with them at once.
package rule

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// A Rule is one rule, checked. Its Config and Where must not be changed.
type Rule struct {
	ID          int64 // set by whoever keeps it; FileID for one that stands in a file
	Name        string
	Title       string // for people; the name when none is given
	Description string
	References  []string // where to read on
	From        event.KindSet
	Where       *filter.Expr // nil selects everything
	Detector    string       // name of the detector
	Config      detector.Config
	Severity    alert.Severity
	Enabled     bool
	Samples     []Sample // what it must make of some logs; not part of Text
	Owner       string   // set by whoever keeps it
	Version     int      // set by whoever keeps it
	Text        string   // the rule as YAML, in one layout, without comments
	Detect      string   // detector and settings in one line
	File        string   // document that it was read from, and where it begins in it
	Line        int
}

// Kinds lists the kinds of event that the rule looks at.
func (r *Rule) Kinds() []event.Kind {
	var kinds []event.Kind
	for _, k := range event.Kinds() {
		if r.From.Has(k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// WhereText spells the filter; empty when everything is selected.
func (r *Rule) WhereText() string {
	if r.Where == nil {
		return ""
	}
	return r.Where.String()
}

// Fingerprint is equal for rules that judge alike: the same kinds, filter, detector and settings. Name, severity and the
// like have no part in it. State that a detector saved is good for rules of the same fingerprint only.
func (r *Rule) Fingerprint() string {
	h := sha256.New()
	for _, s := range []string{string([]byte{byte(r.From)}), r.WhereText(), r.Detect} {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
	return event.Fingerprint(h.Sum(nil)[:15])
}

// FileID numbers a rule that stands in a file: below 0, so that it is never that of a rule kept elsewhere, and the same as
// long as the rule keeps its name.
func FileID(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return -int64(binary.LittleEndian.Uint64(sum[:])>>2) - 1
}

// text lays the rule out as YAML.
func (r *Rule) text(detect string) string {
	var s strings.Builder
	line := func(key, value string) {
		s.WriteString(key + ": " + value + "\n")
	}
	line("name", r.Name)
	if r.Title != r.Name {
		line("title", quote(r.Title))
	}
	if r.Description != "" {
		line("description", quote(r.Description))
	}
	if len(r.References) > 0 {
		quoted := make([]string, len(r.References))
		for i, text := range r.References {
			quoted[i] = quote(text)
		}
		line("references", "["+strings.Join(quoted, ", ")+"]")
	}
	var kinds []string
	for _, k := range r.Kinds() {
		kinds = append(kinds, k.String())
	}
	if len(kinds) == 1 {
		line("from", kinds[0])
	} else {
		line("from", "["+strings.Join(kinds, ", ")+"]")
	}
	if r.Where != nil {
		line("where", quote(r.WhereText()))
	}
	line("detect", detect)
	line("severity", r.Severity.String())
	if !r.Enabled {
		line("enabled", "false")
	}
	return s.String()
}

// quote writes a text so that YAML reads it back: as it is where that is plain, else in JSON's way, which is YAML as well.
func quote(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string can always be encoded
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// plain reports whether a text reads the same without quotes, also between brackets.
func plain(s string) bool {
	if s == "" || strings.Trim(s, " ") != s || strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":") {
		return false
	}
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if i == 0 && !letter {
			return false
		}
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("._-() =<>/+", c) {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return false
	}
	return true
}
