package notifiertest

import (
	"encoding/json"
	"strings"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
)

// fragments are what someone writes into a log to have a chat say something else, or call somebody.
var fragments = []string{
	"<!channel>", "<!here>", "<!everyone>", "<@U012AB3CD>", "<#C024BE7LR>", "<!subteam^SAZ94GDB8>", "<https://evil.example|login>", "@everyone", "@here", "@room", "@channel",
	"@alice", "<at>Alice</at>", "[login](https://evil.example)", "![x](https://evil.example/x.png)", "**bold**", "*b*", "_i_", "~s~", "`code`", "```\n", "# head\n", "> quote\n",
	"<b>", "</b>", "</code>", "</pre>", "<a href=\"https://evil.example\">", "<script>alert(1)</script>", "<img src=x onerror=y>", "&amp;", "&lt;", "&#64;", "&", "<", ">", "\"", "'",
	"\\", "\\\"", "\x00", "\x1b[31m", "\r\n", "\n\n", "\u2028", "\u202e", "\xff\xfe", "\xed\xa0\x80", "😀", "é", "{{DATE(2017-02-14T06:00Z,SHORT)}}", "@{triggerBody()}", "${x}", "%0a", ":fire:",
	"https://matrix.to/#/@bob:example.org", "tg://user?id=1", "/start", "</mx-reply>", "\"},{\"x\":\"",
}

// hostile draws text that means harm, now and then a great deal of it.
func hostile(t *rapid.T, label string) string {
	parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(fragments), rapid.String()), 0, 8).Draw(t, label)
	return strings.Repeat(strings.Join(parts, ""), rapid.SampledFrom([]int{1, 1, 1, 40, 700}).Draw(t, label+" times"))
}

// Hostile draws a notice whose every text that may come from logs or from users means harm.
func Hostile(t *rapid.T) notifier.Notice {
	n := Notice()
	n.Change = rapid.SampledFrom([]notifier.Change{notifier.Create, notifier.Update, notifier.End}).Draw(t, "change")
	a := &n.Alert
	a.Severity = rapid.SampledFrom([]alert.Severity{alert.Info, alert.Low, alert.Medium, alert.High, alert.Critical}).Draw(t, "severity")
	a.Title, a.Reason, a.RuleName = hostile(t, "title"), hostile(t, "reason"), hostile(t, "rule")
	a.Entity = alert.Entity{{Field: "user.name", Value: hostile(t, "value")}}
	sample, err := json.Marshal(map[string]string{"message": hostile(t, "message")})
	if err != nil {
		t.Fatal(err)
	}
	a.Samples = []json.RawMessage{sample}
	a.EndedAt = map[bool]time.Time{true: a.Last}[n.Change == notifier.End]
	if rapid.Bool().Draw(t, "summary") {
		return summary(n, hostile(t, "why"))
	}
	return n
}

// summary tells of a notice in a summary.
func summary(n notifier.Notice, why string) notifier.Notice {
	line := notifier.DigestLine{Change: n.Change, Alert: n.Alert}
	line.Alert.Samples = nil
	n.Change, n.Digest = notifier.Summary, &notifier.Digest{
		Reason: why, Since: line.Alert.First, Until: line.Alert.Last, Notices: 3, Lines: []notifier.DigestLine{line, line}, More: 1,
		Severities: map[string]int{line.Alert.Severity.String(): 3}, Thread: why,
	}
	n.Alert = n.Digest.Standing()
	return n
}

// Summary is a summary of quiet hours that tells of Notice.
func Summary() notifier.Notice { return summary(Notice(), "quiet hours until 07:00 CET") }
