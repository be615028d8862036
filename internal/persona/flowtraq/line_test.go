package flowtraq

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/alert"
)

// The two lines that FlowTraq's manual shows, unfolded.
const manual = `04/11/2012 01:57:03.569706  1 MEDIUM "Upper threshold exceeded on sessions initiated for address xxx.xxx.xxx.xxx." ID=11 type=ANALYTICAL state=NOT-ACKNOWLEDGED user=alertuser v1=17 v2=10
04/11/2012 10:50:03.811054  1 MEDIUM "Upper threshold exceeded on bytes sent for address xxx.xxx.xxx.xxx." ID=13 type=ANALYTICAL state=NOT-ACKNOWLEDGED user=alertuser v1=48 v2=1
`

func TestLineOfTheManual(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	entity := alert.Entity{{Field: "source.ip", Value: "xxx.xxx.xxx.xxx"}}
	alerts := []alert.Alert{
		{ID: 11, Rule: 1, Severity: alert.Medium, State: alert.Open, Owner: "alertuser", Triggers: 17, Limit: 10, Value: 40, Entity: entity,
			Last: time.Date(2012, 4, 10, 23, 57, 3, 569706999, time.UTC)},
		{ID: 13, Rule: 1, Severity: alert.Medium, State: alert.Ended, Owner: "alertuser", Triggers: 48, Limit: 1, Entity: entity,
			Last: time.Date(2012, 4, 11, 8, 50, 3, 811054000, time.UTC)},
	}
	words := []*wording{
		{bound: "Upper", metric: "sessions initiated", entity: "address", fields: 1},
		{bound: "Upper", metric: "bytes sent", entity: "address", fields: 1},
	}
	var got strings.Builder
	for i := range alerts {
		got.WriteString(line(&alerts[i], "admin", words[i], berlin) + "\n")
	}
	if got.String() != manual {
		t.Errorf("got\n%swant\n%s", got.String(), manual)
	}
}

func TestLine(t *testing.T) {
	base := alert.Alert{ID: 7, Rule: 3, Severity: alert.High, Title: "Guessing: web", Reason: "count was 3 over 1m", Triggers: 2, Limit: 2.5}
	for _, c := range []struct {
		name   string
		change func(*alert.Alert)
		words  *wording
		want   string
	}{
		{"other rules", func(*alert.Alert) {}, nil,
			`01/01/0001 00:00:00.000000  3 HIGH "Guessing: web: count was 3 over 1m." ID=7 type=ANALYTICAL state=NOT-ACKNOWLEDGED user=anna v1=2 v2=2.5`},
		{"taken on", func(a *alert.Alert) { a.AckedBy, a.State = "bob", alert.Ended }, nil,
			`01/01/0001 00:00:00.000000  3 HIGH "Guessing: web: count was 3 over 1m." ID=7 type=ANALYTICAL state=ACKNOWLEDGED user=anna v1=2 v2=2.5`},
		{"of somebody", func(a *alert.Alert) { a.Owner, a.Limit = "bob smith", 1<<40 }, nil,
			`01/01/0001 00:00:00.000000  3 HIGH "Guessing: web: count was 3 over 1m." ID=7 type=ANALYTICAL state=NOT-ACKNOWLEDGED user=bob\x20smith v1=2 v2=1099511627776`},
		{"quotes and lines", func(a *alert.Alert) { a.Title = "say \"hi\" \\ \r\n\x1b[31m\u202e\xff" }, nil,
			`01/01/0001 00:00:00.000000  3 HIGH "say \"hi\" \\ \r\n\x1b[31m\u202e` + "\uFFFD" + `: count was 3 over 1m." ID=7 type=ANALYTICAL state=NOT-ACKNOWLEDGED user=anna v1=2 v2=2.5`},
		{"a pair", func(a *alert.Alert) {
			a.Entity = alert.Entity{{Field: "source.ip", Value: "192.0.2.1"}, {Field: "destination.ip", Value: "2001:db8::7"}}
		}, &wording{bound: "Lower", metric: "bytes", entity: "host pair", fields: 2},
			`01/01/0001 00:00:00.000000  3 HIGH "Lower threshold exceeded on bytes for host pair 192.0.2.1 and 2001:db8::7." ID=7 type=ANALYTICAL state=NOT-ACKNOWLEDGED user=anna v1=2 v2=2.5`},
		{"a rule that was changed since", func(a *alert.Alert) { a.Entity = alert.Entity{{Field: "host.name", Value: "web"}} },
			&wording{bound: "Upper", metric: "bytes", entity: "host pair", fields: 2},
			`01/01/0001 00:00:00.000000  3 HIGH "Guessing: web: count was 3 over 1m." ID=7 type=ANALYTICAL state=NOT-ACKNOWLEDGED user=anna v1=2 v2=2.5`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := base
			c.change(&a)
			if got := line(&a, "anna", c.words, time.UTC); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// shape is how a script takes a line apart.
var shape = regexp.MustCompile(`^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\.\d{6}  (\d+) (INFO|LOW|MEDIUM|HIGH|CRITICAL) "((?:[^"\\]|\\.)*)\." ID=(\d+) type=ANALYTICAL state=(?:NOT-)?ACKNOWLEDGED user=(\S*) v1=\d+ v2=\S+$`)

// Whatever a log says, an alert is one line of printable text that comes apart in one way only.
func TestLineHoldsTogether(t *testing.T) {
	pieces := []string{"\n", "\r", "\"", `\`, `\"`, "\x00", "\x1b[2J", "\u2028", "\u2029", "\u0085", "\u202e", "\xff", "\xc3", "\ufeff", " ",
		`." ID=1 type=ANALYTICAL state=ACKNOWLEDGED user=root v1=1 v2=1`, "a", "ü", "日本", "\t", "\v", "\f", "$(reboot)", "`id`", ";", "'", "\U000e0041"}
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var b strings.Builder
		for range random.IntN(8) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	for range 20_000 {
		a := alert.Alert{ID: 5, Rule: 9, Severity: alert.Low, Title: text(), Reason: text(), Owner: text(), Triggers: 1, Limit: random.Float64() * 100,
			Entity: alert.Entity{{Field: "source.ip", Value: text()}}}
		w := &wording{bound: "Upper", metric: "bytes sent", entity: "address", fields: random.IntN(2)}
		got := line(&a, text(), w, time.UTC)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("line(%q) = %q, which is not one line of printable text", a.Title, got)
		}
		parts := shape.FindStringSubmatch(got)
		if parts == nil || parts[1] != "9" || parts[4] != "5" {
			t.Fatalf("line(%+v) = %s, which does not come apart", a, got)
		}
		want := message(&a, w)
		if back := unescape(parts[3]) + "."; back != strings.ToValidUTF8(want, "\ufffd") && utf8.ValidString(want) {
			t.Fatalf("message %q came back as %q from %s", want, back, got)
		}
	}
}

// unescape undoes escape, by itself.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		hex := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]
		if hex > 0 {
			var r rune
			for _, c := range s[i+1 : i+1+hex] {
				r = r<<4 | rune(strings.IndexRune("0123456789abcdef", c))
			}
			b.WriteRune(r)
			i += hex
			continue
		}
		if at := strings.IndexByte("abfnrtv", s[i]); at >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v"[at])
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
