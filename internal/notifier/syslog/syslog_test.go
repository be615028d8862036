package syslog

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
	read "tocsin/internal/parser/syslog"
)

func config(transport, format string) *Config {
	c := Default().(*Config) //nolint:forcetypeassert // it is ours
	c.Host, c.Transport, c.Format, c.Hostname, c.Facility = "127.0.0.1", transport, format, "gate", "local0"
	return c
}

// listener takes datagrams on loopback.
func listener(t *testing.T, c *Config) *net.UDPConn {
	t.Helper()
	l, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c.Port = l.LocalAddr().(*net.UDPAddr).Port //nolint:forcetypeassert // UDP was asked for
	return l
}

func message(t *testing.T, c *Config, l *net.UDPConn, n notifier.Notice) string {
	t.Helper()
	p, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 64<<10)
	if err := l.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	size, err := l.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(text[:size])
}

func TestFormats(t *testing.T) {
	for format, want := range map[string]string{
		RFC3164: `^<131>\w{3} [ \d]\d \d\d:\d\d:07 gate tocsin\[\d+\]: CREATE HIGH "Scan of many hosts: 192\.0\.2\.7": count was 154 over 1h \(limit: above 100\); id=17 rule=ssh-scan state=open triggers=3 first=2026-03-04T04:06:07Z last=2026-03-04T05:06:07Z$`,
		RFC5424: `^<131>1 2026-03-04T05:06:07\.123456Z gate tocsin \d+ ftnbi_threshold_exceeded \[ftnbi_threshold_exceeded@41180 ALERT_TYPE="threshold_exceeded" ID="17" SEVERITY="8" CID="0" ` +
			`EARLIEST_UTC="1772597167\.123456" LATEST_UTC="1772600767\.123456" CLIENT_IP="192\.0\.2\.7" CHANGE="CREATE" STATE="open" RULE="ssh-scan" ENTITY="source\.ip=192\.0\.2\.7" TRIGGERS="3" VALUE="154" LIMIT="100" KEY="alert-17-CREATE"\] CREATE HIGH "Scan`,
		CEF: `^<131>\w{3} [ \d]\d \d\d:\d\d:07 gate CEF:0\|tocsin\|tocsin\|1\|ssh-scan\|Scan of many hosts: 192\.0\.2\.7\|8\|act=CREATE externalId=17 rt=1772600767123 start=1772597167123 end=1772600767123 cnt=3 src=192\.0\.2\.7 ` +
			`cs1Label=state cs1=open cs2Label=entity cs2=source\.ip\\=192\.0\.2\.7 cs3Label=key cs3=alert-17-CREATE cfp1Label=value cfp1=154 cfp2Label=limit cfp2=100 msg=count was 154 over 1h \(limit: above 100\)$`,
		LEEF: `^<131>\w{3} [ \d]\d \d\d:\d\d:07 gate LEEF:1\.0\|tocsin\|tocsin\|1\|ssh-scan\|devTime=1772600767123\tcat=CREATE\tsev=8\tsrc=192\.0\.2\.7\talertId=17\tstate=open\ttitle=Scan of many hosts: 192\.0\.2\.7\tentity=`,
		JSON: `^<131>1 2026-03-04T05:06:07\.123456Z gate tocsin \d+ alert - \{"key":"alert-17-CREATE","change":"CREATE",.*"samples":\[\{"message":"x"\}\]`,
	} {
		c := config(UDP, format)
		if got := message(t, c, listener(t, c), notifiertest.Notice()); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: got\n%s\nwant\n%s", format, got, want)
		}
	}
}

// A user's collector stands in the notice.
func TestAddress(t *testing.T) {
	mine := config(UDP, CEF)
	l := listener(t, mine)
	mine.Facility = "AUTH"
	site := config(TCP, JSON)
	n := notifiertest.Notice()
	n.To = mine.Address()
	p, err := site.New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 2000)
	if size, err := l.Read(text); err != nil || !strings.HasPrefix(string(text[:size]), "<35>") || !strings.Contains(string(text[:size]), "CEF:0|") {
		t.Errorf("got %q, %v", text, err)
	}
	for _, foul := range []string{"http://x", "udp://a b", "udp://", "udp://h:x", "udp://h:99999", "udp://h?facility=LOCAL9", "udp://h?format=xml", "\x00"} {
		n.To = foul
		if _, err := p.Send(t.Context(), n); !errors.Is(err, notifier.ErrPermanent) {
			t.Errorf("To %q: %v, want it refused for good", foul, err)
		}
	}
}

// evil is what an attacker may have in a log line.
func evil() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"x\n<0>Oct 11 22:14:15 root su: evil", `"] [evil x="y`, `\`, `a\`, `|`, `a=b c=d`, "tab\tsev=1", "\x00\xff\u2028", strings.Repeat("ü", 5000), "\x1b[2J", `{"a":1}`, "%s%n",
	}))
}

// Whatever stands in an alert, a receiver that reads by the book finds one message with exactly our fields.
func TestForeignText(t *testing.T) {
	for format, check := range map[string]func(*rapid.T, string){
		RFC3164: func(t *rapid.T, text string) {
			if !regexp.MustCompile(`^<13[0-4]>\w{3} [ \d]\d [\d:]{8} gate tocsin\[\d+\]: CREATE `).MatchString(text) {
				t.Fatalf("%q", text)
			}
		},
		RFC5424: func(t *rapid.T, text string) {
			fields := parse5424(t, text)
			if fields["ID"] != "17" || fields["KEY"] != "alert-17-CREATE" || len(fields) != 15 {
				t.Fatalf("%d fields %q of %q", len(fields), fields, text)
			}
		},
		CEF: func(t *rapid.T, text string) {
			header, extension := parseCEF(t, text)
			if header[3] != "1" || header[6] != "8" || extension["cs3"] != "alert-17-CREATE" || extension["externalId"] != "17" || len(extension) != 19 {
				t.Fatalf("header %q, %d keys %q of %q", header, len(extension), extension, text)
			}
		},
		LEEF: func(t *rapid.T, text string) {
			parts := strings.SplitN(text, "|", 6)
			keys := map[string]string{}
			for _, part := range strings.Split(parts[5], "\t") {
				key, value, ok := strings.Cut(part, "=")
				if _, twice := keys[key]; !ok || twice {
					t.Fatalf("attribute %q of %q", part, text)
				}
				keys[key] = value
			}
			if keys["sev"] != "8" || keys["key"] != "alert-17-CREATE" || len(keys) != 14 {
				t.Fatalf("attributes %q of %q", keys, text)
			}
		},
		JSON: func(t *rapid.T, text string) {
			_, body, _ := strings.Cut(text, " alert - ")
			var n notifier.Notice
			if err := json.Unmarshal([]byte(body), &n); err != nil || n.Alert.ID != 17 {
				t.Fatalf("%v in %q", err, text)
			}
		},
	} {
		t.Run(format, func(t *testing.T) {
			c := config(UDP, format)
			rapid.Check(t, func(r *rapid.T) {
				n := notifiertest.Notice()
				n.Alert.Title, n.Alert.Reason, n.Alert.RuleName = evil().Draw(r, "title"), evil().Draw(r, "reason"), evil().Draw(r, "rule")
				n.Alert.Entity = alert.Entity{{Field: "user.name", Value: evil().Draw(r, "entity")}, {Field: "source.ip", Value: "192.0.2.7"}}
				if n.Alert.Entity[0].Value == "" || n.Alert.Title == "" || n.Alert.Reason == "" {
					r.Skip("an empty value is left out")
				}
				sample, err := json.Marshal(map[string]string{"message": evil().Draw(r, "sample")})
				if err != nil {
					r.Fatal(err)
				}
				n.Alert.Samples = []json.RawMessage{sample}
				text := string(c.format(n, 1))
				if len(text) > 1400 || !utf8.ValidString(text) {
					r.Fatalf("%d bytes: %q", len(text), text)
				}
				for _, x := range text {
					if unicode.IsControl(x) && (x != '\t' || format != LEEF) {
						r.Fatalf("%q in %q", x, text)
					}
				}
				check(r, text)
			})
		})
	}
}

// parse5424 reads the parameters of structured data by RFC 5424, section 6.3.
func parse5424(t *rapid.T, text string) map[string]string {
	t.Helper()
	_, text, ok := strings.Cut(text, " [ftnbi_threshold_exceeded@41180 ")
	if !ok {
		t.Fatalf("no structured data in %q", text)
	}
	fields := map[string]string{}
	for {
		name, rest, ok := strings.Cut(text, `="`)
		if !ok {
			t.Fatalf("no value in %q", text)
		}
		value, at := "", 0
		for ; at < len(rest) && rest[at] != '"'; at++ {
			if rest[at] == '\\' {
				at++
			}
			if rest[at] == ']' && rest[at-1] != '\\' {
				t.Fatalf("bracket in %q", rest)
			}
			value += string(rest[at])
		}
		fields[strings.TrimSpace(name)] = value
		text = rest[at+1:]
		if strings.HasPrefix(text, "] ") {
			return fields
		}
	}
}

// parseCEF reads a message by the rules of CEF: bars divide the header, an equals sign without a backslash ends a key.
func parseCEF(t *rapid.T, text string) (header []string, extension map[string]string) {
	t.Helper()
	part := ""
	for len(header) < 7 {
		if text == "" {
			t.Fatal("the header has no end")
		}
		switch {
		case text[0] == '\\' && len(text) > 1:
			part += text[1:2]
			text = text[2:]
			continue
		case text[0] == '|':
			header, part = append(header, part), ""
		default:
			part += text[:1]
		}
		text = text[1:]
	}
	extension = map[string]string{}
	at := regexp.MustCompile(`(?:^| )([A-Za-z0-9]+)=`)
	hidden := strings.NewReplacer(`\\`, "\x01\x01", `\=`, "\x02\x02").Replace(text) // of the same length
	found := at.FindAllStringSubmatchIndex(hidden, -1)
	for i, f := range found {
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		extension[text[f[2]:f[3]]] = text[f[1]:end]
	}
	return header, extension
}

// What tocsin sends as syslog it reads back.
func TestReadsItself(t *testing.T) {
	for _, format := range []string{RFC3164, RFC5424} {
		c := config(UDP, format)
		text := message(t, c, listener(t, c), notifiertest.Notice())
		p, err := read.Format().Default().New()
		if err != nil {
			t.Fatal(err)
		}
		b := event.NewBuilder(event.Log)
		if err := p.Parse(b, []byte(text), notifiertest.Notice().Created.UnixNano()); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		row := string(b.Batch().AppendJSON(nil, 0))
		for _, want := range []string{`"host.name":"gate"`, `"process.name":"tocsin"`, `"log.syslog.severity.code":3`, "count was 154"} {
			if !strings.Contains(row, want) {
				t.Errorf("%s lacks %s:\n%s", format, want, row)
			}
		}
	}
}
