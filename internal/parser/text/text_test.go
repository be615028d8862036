package text_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/parser/parsertest"
	"tocsin/internal/parser/text"
)

func TestContract(t *testing.T) { parsertest.Run(t, text.Format(), text.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, text.Format()) }

// settings returns the defaults with patterns.
func settings(patterns ...string) *text.Config {
	c := text.Default().(*text.Config)
	c.Patterns = patterns
	return c
}

// FuzzPattern holds a compiled pattern to its lines: what stands between the literals comes back as the values, and no
// pattern or line, however foul, does harm.
func FuzzPattern(f *testing.F) {
	f.Add("{labels.a} - [{labels.b}]", "x y - [z]")
	f.Add(`/^(?P<a>\S+)\s(?P<message>.*)$/`, "x y")
	f.Add("{time}{labels.a}|{}", "2024-03-10T11:59:58Zx|")
	f.Add("{{{source.ip}}} ", "{::1}")
	f.Fuzz(func(t *testing.T, pattern, line string) {
		c := settings(pattern)
		if len(pattern) > 200 || c.Validate() != nil {
			return
		}
		p, err := c.New()
		if err != nil {
			t.Fatalf("Validate of %q = nil, New = %v", pattern, err)
		}
		rows, bad := parsertest.Rows(t, event.Log, p, []byte(line), parsertest.Received)
		if bad == nil && len(rows) != 1 && strings.Trim(line, " \t\r\n") != "" {
			t.Errorf("%q with %q gives %d rows, want one or a reason", line, pattern, len(rows))
		}
		if score := text.Format().Guess(c); score != nil {
			if n := score([]byte(line)); n < 0 || n > 97 || n > 0 && bad != nil {
				t.Errorf("Score(%q) with %q = %d, Parse = %v", line, pattern, n, bad)
			}
		}
	})
}

// FuzzValues writes values by a pattern and reads them again.
func FuzzValues(f *testing.F) {
	f.Add("alice", "a message", int64(200))
	f.Add("-", "\\", int64(-1))
	p, err := settings("user {user.name}, status {event.severity}: {message}").New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, user, message string, status int64) {
		for _, v := range []string{user, message} {
			if v == "" || v == "-" || strings.TrimSpace(v) != v || strings.ContainsAny(v, ",\r\n\t\x00") || strings.Contains(v, "  ") || strings.ToValidUTF8(v, "") != v {
				return
			}
		}
		b := event.NewBuilder(event.Log)
		b.Time(event.Timestamp, parsertest.Received)
		b.Text(event.Message, message)
		b.Int(event.EventSeverity, status)
		b.Text(event.UserName, user)
		line := "user " + user + ", status " + strconv.FormatInt(status, 10) + ": " + message
		b.Text(event.EventOriginal, line)
		b.Flag(event.NoTime)
		b.Next()
		want := parsertest.JSON(b.Batch())
		if got, bad := parsertest.Rows(t, event.Log, p, []byte(line), parsertest.Received); bad != nil || !cmp.Equal(want, got) {
			t.Errorf("%q: %v (-want +got):\n%s", line, bad, cmp.Diff(want, got))
		}
	})
}

// Regular expressions are not part of the golden cases: package regexp allocates for each match.
func TestExpressions(t *testing.T) {
	c := settings(
		`/^(?P<when>\S+ \S+) sshd\[(?P<process_pid>\d+)\]: (?P<event_action>Accepted|Failed) (?P<how>\w+) for (?P<user>\S+) from (?P<source_ip>\S+)(?: port (?P<source_port>\d+))?$/`,
		`/(?i)panic: (?P<message>.*)/`,
	)
	c.Fields = map[string]string{"when": "@timestamp", "user": "user.name"}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	p, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ line, want string }{
		{"2024-03-10 11:59:58 sshd[7]: Failed password for root from 192.0.2.1 port 22",
			`"event.action":"Failed","tocsin.flags":"no-zone","process.pid":7,"source.ip":"192.0.2.1","source.port":22,"user.name":"root","labels.how":"password"}`},
		{"2024-03-10 11:59:58 sshd[7]: Failed password for root from nowhere",
			`"event.action":"Failed","tocsin.flags":"no-zone,misfit","process.pid":7,"user.name":"root","labels.how":"password","labels.source.ip":"nowhere"}`},
		{"xx PANIC: all is lost", `{"@timestamp":"2024-03-10T12:00:00Z","message":"all is lost",`},
		{"2024-03-10 11:59:58 sshd[x]: Failed", noPattern},
	} {
		rows, bad := parsertest.Rows(t, event.Log, p, []byte(tc.line), parsertest.Received)
		got := strings.Join(rows, "\n")
		if bad != nil {
			got = bad.Reason
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("%q gives %s, want %s in it", tc.line, got, tc.want)
		}
	}
}

const noPattern = "no pattern fits"

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{"{mesage}", "did you mean message?"},
		{"{thread}", "want a field, labels.NAME or drop"},
		{"{message", "is not closed"},
		{"{user.name}{message}", "nothing stands between two values in byte 11"},
		{"{message} {message}", "names message twice"},
		{"{time} {timestamp}", "names @timestamp twice"},
		{"plain", "has no value"},
		{"{} {}", "has no value"},
		{"{related.ip}", "stands for several fields"},
		{"{tocsin.source}", "which tocsin writes itself"},
		{"/(/", "no regular expression of RE2: missing closing ): `(`"},
		{`/(?<=x)y/`, "no regular expression"},
		{"{labels.}", "want a field, labels.NAME or drop"},
	} {
		err := settings(c.pattern).Validate()
		if err == nil || !strings.Contains(err.Error(), "patterns[0]: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Validate with %q = %v, want %q in it", c.pattern, err, c.want)
		}
	}
	c := settings("{message}")
	c.Zone, c.Otherwise, c.Time, c.Fields = "Mars", "drop", []string{"iso", "rfc3339"}, map[string]string{"a": "user", "b": "user.name"}
	for _, want := range []string{"zone: ", "otherwise: ", "time[0]: ", "fields.a: got", "fields.b: no regular expression"} {
		if err := c.Validate(); !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want %q in it", err, want)
		}
	}
}

// The more a pattern asks of a line, the surer it is; one that fits whatever comes guesses nothing.
func TestGuess(t *testing.T) {
	line := []byte("2024-03-10T11:59:58Z INFO [main] shop - taken")
	last := 0
	for _, pattern := range []string{"{message}", "{labels.a} {message}", "{time} {message}", "{time} {log.level} [{labels.t}] {message}", "{time} {log.level} [{labels.t}] shop - {message}"} {
		n := text.Format().Guess(settings(pattern))(line)
		if n < last || n == last && last > 0 {
			t.Errorf("Score with %q = %d, want more than the %d of the pattern before", pattern, n, last)
		}
		last = n
	}
	for _, pattern := range []string{"{source.ip} {message}", "{time} x {message}"} {
		if n := text.Format().Guess(settings(pattern))(line); n != 0 {
			t.Errorf("Score with %q = %d, want 0", pattern, n)
		}
	}
	if text.Format().Guess(text.Default()) != nil {
		t.Error("the defaults guess, want nil")
	}
}

func BenchmarkPattern(b *testing.B) {
	f := text.Format()
	f.Default = func() parser.Config {
		return settings("{@timestamp} {log.level} [{labels.thread}] {event.provider} - {message}")
	}
	parsertest.Bench(b, f, [][]byte{[]byte("2024-03-10 11:59:58,250 INFO  [main] com.example.Shop - order 4711 of customer 17 was taken in 12 ms")})
}

func BenchmarkExpression(b *testing.B) {
	f := text.Format()
	f.Default = func() parser.Config {
		return settings(`/^(?P<timestamp>\S+ \S+) (?P<log_level>\S+) +\[(?P<thread>[^]]*)\] (?P<event_provider>\S+) - (?P<message>.*)$/`)
	}
	parsertest.Bench(b, f, [][]byte{[]byte("2024-03-10 11:59:58,250 INFO  [main] com.example.Shop - order 4711 of customer 17 was taken in 12 ms")})
}
