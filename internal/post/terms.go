package post

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/document"
	"tocsin/internal/message"
	"tocsin/internal/notifier"
)

// Terms are the settings that all channels of chat and push share; each holds them inline.
type Terms struct {
	// CA is a file of certificates in PEM that the server's is held against besides those of the system, as an absolute
	// path. Default none.
	CA string `yaml:"ca"`
	// Timeout bounds one attempt; 100ms to 1m. Default 10s, or 30s where an attempt is several requests.
	Timeout time.Duration `yaml:"timeout"`
	// Zone is the zone of the times in the text: an IANA name, UTC or Local. Default UTC.
	Zone string `yaml:"zone"`
	// Templates are the words. Default: short ones that ship with tocsin.
	Templates Templates `yaml:"templates"`
}

// Templates are the words of a channel without HTML of its own. An empty one stands for the shipped one.
type Templates struct {
	Subject string `yaml:"subject"`
	Text    string `yaml:"text"`
}

// DefaultTerms returns the settings that hold where none are given.
func DefaultTerms() Terms { return Terms{Timeout: 10 * time.Second, Zone: "UTC"} }

// short is the text for telephones and chats: what is needed to decide whether to look closer.
const short = `{{if .Summary}}{{.Reason}}
{{- range .Lines}}
{{.Sign}} {{.Severity}} {{.Title}}{{with .News}} ({{.}}){{end}}, alert {{.Number}}
{{- end}}
{{- with .More}}
and {{.}} more
{{- end}}
{{- with .Node}}
tocsin on {{.}}
{{- end}}
{{else}}{{.Reason}}
Since {{.First}}, last {{.Last}}, {{.Triggers}} in all
{{- with .Ended}}
Ended {{.}}
{{- end}}
{{- range .By}}
{{.Field}} {{.Value}}
{{- end}}
Rule {{.Rule}}{{with .Owner}} of {{.}}{{end}}, alert {{.Number}}{{with .Node}}, tocsin on {{.}}{{end}}
{{- range .Samples}}
{{.Time}}  {{truncate 200 .Text}}
{{- end}}
{{end}}`

// Mistakes returns what is wrong with the settings.
func (t Terms) Mistakes() []error {
	var mistakes []error
	if t.Timeout < 100*time.Millisecond || t.Timeout > time.Minute {
		mistakes = append(mistakes, document.At("timeout", t.Timeout, "100ms to 1m"))
	}
	if _, err := time.LoadLocation(t.Zone); err != nil {
		mistakes = append(mistakes, document.At("zone", t.Zone, "an IANA zone such as Europe/Berlin, UTC or Local"))
	} else if _, err := t.Words(); err != nil {
		mistakes = append(mistakes, err)
	}
	return mistakes
}

// Words returns what puts notices into words.
func (t Terms) Words() (*Writer, error) {
	zone, err := time.LoadLocation(t.Zone)
	if err != nil {
		return nil, err
	}
	own := message.Templates{Subject: t.Templates.Subject, Text: t.Templates.Text}
	if own.Text == "" {
		own.Text = short
	}
	w, err := message.New(own, zone)
	if err != nil {
		return nil, err
	}
	return &Writer{own: w}, nil
}

// A Writer puts notices into words for services that refuse a message without any. It is safe for use by several goroutines.
type Writer struct{ own *message.Writer }

// Write puts a notice into words. Neither subject nor text is empty, nor does the text begin or end with blanks, whatever the
// templates say.
func (w *Writer) Write(n notifier.Notice) message.Message {
	m := w.own.Write(n)
	if m.Subject == "" {
		m.Subject = "[" + n.Alert.Severity.String() + "] alert " + strconv.FormatInt(n.Alert.ID, 10)
	}
	if m.Text = strings.TrimSpace(m.Text); m.Text == "" {
		m.Text = m.Subject
	}
	return m
}

// Preview shows how a notice is put into words.
func (w *Writer) Preview(n notifier.Notice) notifier.Preview {
	shipped := message.Shipped()
	shipped.Text, shipped.HTML = short, ""
	p := w.own.Preview(n, shipped)
	p.HTML = ""
	return p
}

// Thread is a name that all notices about one alert, or all summaries of one storm, share and no other has, of this tocsin or another one: letters, digits and
// dashes, at most 50. It is made of what stays the same as long as an alert lasts; its first time does not, as late events may
// move it.
func Thread(n notifier.Notice) string {
	if n.Digest != nil {
		sum := sha256.Sum256([]byte(n.Node + "\x00" + n.Digest.Thread))
		return "summary-" + hex.EncodeToString(sum[:16])
	}
	if n.Report != nil { // those of one report are a thread
		sum := sha256.Sum256([]byte(n.Node + "\x00" + n.User + "\x00" + n.Report.Name))
		return "report-" + hex.EncodeToString(sum[:16])
	}
	a := &n.Alert
	sum := sha256.Sum256([]byte(n.Node + "\x00" + strconv.FormatInt(a.Rule, 10) + "\x00" + a.Entity.Key()))
	return "alert-" + strconv.FormatInt(a.ID, 10) + "-" + hex.EncodeToString(sum[:8])
}

// Bytes is the size of a character in UTF-8.
func Bytes(r rune) int { return utf8.RuneLen(r) }

// Characters is 1 for every character.
func Characters(rune) int { return 1 }

// Cut cuts text so that the sizes of its characters come to at most most, with an ellipsis at the end where it was cut. Text
// is cut before it is escaped, and size tells what a character becomes, so that no escape is cut in two. Foul bytes become
// U+FFFD.
func Cut(text string, most int, size func(rune) int) string {
	const ellipsis = '…'
	sum, fits := 0, 0 // fits is where an ellipsis still finds room
	for i, r := range text {
		if sum+size(ellipsis) <= most {
			fits = i
		}
		if sum += size(r); sum > most {
			if size(ellipsis) > most {
				return ""
			}
			return clean(text[:fits]) + string(ellipsis)
		}
	}
	return clean(text)
}

// clean writes each foul byte as U+FFFD, which is how range reads it.
func clean(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
