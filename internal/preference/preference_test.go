package preference_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/preference"
)

// full has every setting.
func full() preference.Preferences {
	return preference.Preferences{
		Zone: "Europe/Berlin", MinSeverity: alert.Medium, Where: `source.ip in cidr("192.0.2.0/24")`, Everyone: true,
		Mail:   preference.Mail{To: []string{"alice@example.org", "o'neil+tocsin@sub.example.org"}},
		Syslog: preference.Syslog{Host: "2001:db8::7", Port: 6514, Protocol: "tls", Facility: "local3", Format: "cef"},
		Quiet: []preference.Span{
			{Days: []string{"mon", "TUE"}, From: "22:00", To: "07:00"}, {From: "12:00", To: "12:30"}, {Days: []string{"sat"}, From: "00:00", To: "24:00"},
		},
		QuietCritical: true,
		Digest:        preference.Digest{Every: "week", At: "08:15", Day: "fri", UpTo: alert.Low},
	}
}

func TestRoundTrip(t *testing.T) {
	for name, p := range map[string]preference.Preferences{"none": {}, "full": full()} {
		text, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := preference.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Errorf("%s: Decode(Encode) (-want +got):\n%s", name, diff)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: Validate = %v", name, err)
		}
	}
	if text, err := (preference.Preferences{}).Encode(); err != nil || text != "{}" {
		t.Errorf("Encode of none = %s, %v", text, err)
	}
	if _, err := preference.Decode(`{"zone":`); err == nil {
		t.Error("Decode takes what is cut off")
	}
}

// Every mistake is found, all at once, and named by its place.
func TestMistakes(t *testing.T) {
	many := make([]string, preference.MaxTo+1)
	for i := range many {
		many[i] = fmt.Sprintf("a%d@example.org", i)
	}
	for want, change := range map[string]func(*preference.Preferences){
		"zone":              func(p *preference.Preferences) { p.Zone = "Mars/Olympus" },
		"zone ":             func(p *preference.Preferences) { p.Zone = "../../etc/passwd" },
		"zone  ":            func(p *preference.Preferences) { p.Zone = strings.Repeat("x", 1000) },
		"min_severity":      func(p *preference.Preferences) { p.MinSeverity = 9 },
		"where":             func(p *preference.Preferences) { p.Where = "source.ip ==" },
		"where ":            func(p *preference.Preferences) { p.Where = strings.Repeat(" ", 5000) },
		"mail.to":           func(p *preference.Preferences) { p.Mail.To = many },
		"mail.to[0]":        func(p *preference.Preferences) { p.Mail.To = []string{"alice"} },
		"mail.to[1]":        func(p *preference.Preferences) { p.Mail.To = []string{"a@b.example", ""} },
		"mail.to[0] ":       func(p *preference.Preferences) { p.Mail.To = []string{"a@b.example\r\nBcc: evil@example.com"} },
		"mail.to[0]  ":      func(p *preference.Preferences) { p.Mail.To = []string{"a@b.example,evil@example.com"} },
		"mail.to[0]   ":     func(p *preference.Preferences) { p.Mail.To = []string{"Alice <a@b.example>"} },
		"xn--":              func(p *preference.Preferences) { p.Mail.To = []string{"a@bücher.example"} },
		"mail.to[0]    ":    func(p *preference.Preferences) { p.Mail.To = []string{strings.Repeat("a", 300) + "@b.example"} },
		"mail.to[0]     ":   func(p *preference.Preferences) { p.Mail.To = []string{`"a b"@b.example`} },
		"each address once": func(p *preference.Preferences) { p.Mail.To = []string{"a@b.example", "c@b.example", "A@B.example"} },
		"syslog.host":       func(p *preference.Preferences) { p.Syslog.Host = "log host" },
		"syslog.host ":      func(p *preference.Preferences) { p.Syslog.Host = "" },
		"syslog.host  ":     func(p *preference.Preferences) { p.Syslog.Host = "logs.example.org:514" },
		"syslog.host   ":    func(p *preference.Preferences) { p.Syslog.Host = "x?y=z" },
		"syslog.port":       func(p *preference.Preferences) { p.Syslog.Port = 65536 },
		"syslog.protocol":   func(p *preference.Preferences) { p.Syslog.Protocol = "UDP " },
		"syslog.format":     func(p *preference.Preferences) { p.Syslog.Format = "xml" },
		"syslog.facility":   func(p *preference.Preferences) { p.Syslog.Facility = "LOCAL8" },
		"quiet[0].from":     func(p *preference.Preferences) { p.Quiet[0].From = "24:00" },
		"quiet[1].to":       func(p *preference.Preferences) { p.Quiet[1].To = "7:00" },
		"quiet[1].days":     func(p *preference.Preferences) { p.Quiet[1].Days = []string{"monday"} },
		"quiet":             func(p *preference.Preferences) { p.Quiet = make([]preference.Span, 22) },
		"quiet ":            func(p *preference.Preferences) { p.Quiet = []preference.Span{{From: "06:00", To: "06:00"}} },
		"quiet  ": func(p *preference.Preferences) {
			p.Quiet = []preference.Span{{From: "06:00", To: "22:00"}, {From: "21:00", To: "06:00"}}
		},
		"digest.every":  func(p *preference.Preferences) { p.Digest.Every = "month" },
		"digest.every ": func(p *preference.Preferences) { p.Digest.Every = "" },
		"digest.at":     func(p *preference.Preferences) { p.Digest.At = "25:00" },
		"digest.day":    func(p *preference.Preferences) { p.Digest.Day = "someday" },
		"digest.day ":   func(p *preference.Preferences) { p.Digest.Every = "day" },
		"digest.up_to":  func(p *preference.Preferences) { p.Digest.UpTo = alert.Critical },
	} {
		p := full()
		change(&p)
		err := p.Validate()
		if err == nil || !strings.Contains(err.Error(), strings.TrimRight(want, " ")) {
			t.Errorf("%s: Validate = %v", want, err)
		}
		if err != nil && (len(err.Error()) > 1000 || strings.Contains(err.Error(), "\r")) {
			t.Errorf("%s: the error is long or foul: %q", want, err)
		}
	}
	p := preference.Preferences{Zone: "X", Where: "(", Mail: preference.Mail{To: []string{"x"}}, Digest: preference.Digest{Every: "x"}}
	for _, want := range []string{"zone", "where", "mail.to[0]", "digest.every"} {
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate does not tell of %s: %v", want, err)
		}
	}
}

// Whatever stands in the ledger is read without harm: what is valid is the same after it was written again, and its times come.
func FuzzDecode(f *testing.F) {
	for _, p := range []preference.Preferences{{}, full()} {
		text, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, int64(1_790_000_000))
	}
	f.Add(`{"quiet":[{"from":"00:00","to":"24:00","days":["mon"]}],"digest":{"every":"hour","at":"00:59"},"zone":"Pacific/Apia"}`, int64(1_325_240_000))
	f.Fuzz(func(t *testing.T, text string, second int64) {
		p, err := preference.Decode(text)
		if err != nil || p.Validate() != nil {
			return
		}
		written, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := preference.Decode(written)
		if err != nil || !cmp.Equal(p, again, cmpopts.EquateEmpty()) {
			t.Errorf("%s is written %s, %v", text, written, err)
		}
		now := time.Unix(second%4_000_000_000, 0)
		if until, quiet := p.QuietUntil(now); quiet && (!until.After(now) || until.Sub(now) > 15*24*time.Hour) {
			t.Errorf("QuietUntil(%v) = %v", now, until)
		}
		if next := p.NextDigest(now); p.Digest.On() && !next.After(now) {
			t.Errorf("NextDigest(%v) = %v", now, next)
		}
	})
}

// What passes as an address is nothing but one: whoever writes it into a list, a header or a command gets one address.
func TestAddress(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,6}@?[ -~]{0,10}`), rapid.String()).Draw(r, "address")
		if preference.BadAddress(text) == "" && (strings.ContainsAny(text, " ,;:<>()[]\"\\\r\n\x00") || strings.Count(text, "@") != 1) {
			r.Fatalf("%q passes as an address", text)
		}
	})
}

func TestDigestTakes(t *testing.T) {
	for _, test := range []struct {
		digest preference.Digest
		most   alert.Severity
	}{{preference.Digest{}, 0}, {preference.Digest{Every: "day"}, alert.Medium}, {preference.Digest{Every: "day", UpTo: alert.Info}, alert.Info}} {
		for s := alert.Info; s <= alert.Critical; s++ {
			if got, want := test.digest.Takes(s), s <= test.most; got != want {
				t.Errorf("%+v.Takes(%s) = %v", test.digest, s, got)
			}
		}
	}
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
