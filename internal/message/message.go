// Package message puts a notice into words: a subject, a plain text and HTML, from templates that ship with tocsin or from
// an operator's own.
//
// A template cannot hold up its sender or flood its receiver: its steps and its output are bounded. One that fails at
// work is replaced by the shipped one, and the message says so: an alert is never lost for want of good wording.
package message

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/notifier"
)

// Bounds of one message.
const (
	MaxTemplate = 64 << 10 // bytes of one template
	maxSubject  = 200      // characters; RFC 5322 advises lines of 78, mail programs cut at about this
	maxBody     = 256 << 10
	maxSteps    = 10_000 // passes through loops and calls of templates
)

// NotUsed begins every Problem.
const NotUsed = "the template was not used"

//go:embed default
var shipped embed.FS

// Templates are the three parts as an operator writes them, in the language of Go's text/template over Facts. An empty one
// stands for the shipped one.
type Templates struct {
	Subject string `yaml:"subject" json:"subject"`
	Text    string `yaml:"text" json:"text"`
	HTML    string `yaml:"html" json:"html"`
}

// Shipped returns the templates that come with tocsin, to be shown and copied.
func Shipped() Templates {
	read := func(name string) string {
		text, err := shipped.ReadFile("default/" + name)
		if err != nil {
			panic(err) // it was not built with its own files
		}
		return string(text)
	}
	return Templates{Subject: strings.TrimSpace(read("subject.tmpl")), Text: read("text.tmpl"), HTML: read("html.tmpl")}
}

// A Message is a notice in words.
type Message struct {
	Subject string `json:"subject"` // one line
	Text    string `json:"text"`
	HTML    string `json:"html"`
	// Problem says why the operator's own template was not used, "" when it was or there is none.
	Problem string `json:"problem,omitempty"`
}

// A Writer puts notices into words. It is safe for use by several goroutines.
type Writer struct {
	own, shipped *set
	zone         *time.Location
	sums         bool // the operator's own templates know of summaries
}

type set struct {
	subject, text *texttemplate.Template
	html          *htmltemplate.Template
}

// New returns a Writer. The error names the template and the line of each mistake that can be seen without an alert. A nil
// zone is UTC.
func New(own Templates, zone *time.Location) (*Writer, error) {
	if zone == nil {
		zone = time.UTC
	}
	defaults := Shipped()
	good, err := parseAll(defaults)
	if err != nil {
		panic(err) // the shipped templates are tested
	}
	w := &Writer{shipped: good, own: good, zone: zone, sums: own.Text == "" || strings.Contains(own.Text, ".Lines")}
	if own == (Templates{}) {
		return w, nil
	}
	if own.Subject == "" {
		own.Subject = defaults.Subject
	}
	if own.Text == "" {
		own.Text = defaults.Text
	}
	if own.HTML == "" {
		own.HTML = defaults.HTML
	}
	if w.own, err = parseAll(own); err != nil {
		return nil, err
	}
	return w, nil
}

// Preview shows how a notice is put into words. Shipped are the templates that stand in for the operator's own.
func (w *Writer) Preview(n notifier.Notice, shipped Templates) notifier.Preview {
	m := w.Write(n)
	return notifier.Preview{
		Subject: m.Subject, Text: m.Text, HTML: m.HTML, Problem: m.Problem,
		Shipped: notifier.Wording{Subject: shipped.Subject, Text: shipped.Text, HTML: shipped.HTML},
	}
}

// Write puts a notice into words. It cannot fail: see Message.Problem.
func (w *Writer) Write(n notifier.Notice) Message {
	if n.Report != nil {
		return reported(n)
	}
	facts := NewFacts(n, w.zone)
	own := w.own
	if n.Digest != nil && !w.sums {
		own = w.shipped // an operator's own words for one alert leave out what a summary tells
	}
	m, err := own.write(facts)
	if err == nil {
		return m
	}
	m, worse := w.shipped.write(facts)
	if worse != nil {
		// The shipped templates hold for every alert; if not, the bare facts do.
		m = Message{Subject: line(facts.Severity + " " + facts.Title), Text: facts.Title + "\n" + facts.Reason + "\n"}
		err = worse
	}
	m.Problem = NotUsed + ": " + err.Error()
	m.Text += "\n(" + plain(m.Problem) + ")\n"
	return m
}

func (s *set) write(f Facts) (Message, error) {
	var m Message
	subject := &bounded{most: 4 * maxSubject}
	if err := run(s.subject, subject, f); err != nil {
		return m, err
	}
	text := &bounded{most: maxBody}
	if err := run(s.text, text, f); err != nil {
		return m, err
	}
	html := &bounded{most: maxBody}
	if err := runHTML(s.html, html, f); err != nil {
		return m, err
	}
	m.Subject, m.Text, m.HTML = line(subject.String()), plain(text.String()), plain(html.String())
	return m, nil
}

// line makes one line of at most maxSubject characters: what could begin another header is a blank.
func line(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unsafe(r) }), " ")
	if utf8.RuneCountInString(s) > maxSubject {
		s = string([]rune(s)[:maxSubject-1]) + "…"
	}
	return s
}

// plain keeps line ends and tabs of the text and writes other control characters as U+FFFD.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unsafe(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(strings.ToValidUTF8(s, string(unicode.ReplacementChar)), "\r\n", "\n"))
}

// unsafe reports characters that control a terminal, begin a line, or turn the direction of text so that it reads as
// something else (Unicode TR 36, section 3.2).
func unsafe(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\u200e' || r == '\u200f' || r == '\u061c' ||
		r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// bounded is a buffer that refuses to grow beyond most bytes.
type bounded struct {
	strings.Builder
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, fmt.Errorf("more than %d bytes of output", b.most)
	}
	return b.Builder.Write(p)
}
