package command

import (
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/notifier"
)

// passed names the variables of our own environment that the program gets. All others stay here: some may be secrets.
func passed() []string {
	return []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"}
}

// environment is what the program finds in its environment. Texts come from outside: whoever uses them in a shell quotes
// them.
func environment(n notifier.Notice) []string {
	var env []string
	for _, name := range passed() {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	a := &n.Alert
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, v := range [][2]string{
		{"CHANGE", string(n.Change)},
		{"KEY", n.Key},
		{"ATTEMPT", strconv.Itoa(n.Attempt)},
		{"USER", n.User},
		{"ALERT_ID", strconv.FormatInt(a.ID, 10)},
		{"RULE", a.RuleName},
		{"OWNER", a.Owner},
		{"TITLE", a.Title},
		{"SEVERITY", a.Severity.String()},
		{"STATE", string(a.State)},
		{"ENTITY", a.Entity.String()},
		{"REASON", a.Reason},
		{"TRIGGERS", strconv.FormatInt(a.Triggers, 10)},
		{"VALUE", number(a.Value)},
		{"LIMIT", number(a.Limit)},
		{"FIRST", moment(a.First)},
		{"LAST", moment(a.Last)},
		{"ENDED_AT", moment(a.EndedAt)},
	} {
		env = append(env, "TOCSIN_"+v[0]+"="+variable(v[1]))
	}
	return env
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// variable makes text fit for an environment: no NUL, which exec refuses, and no more than exec takes.
func variable(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= maxVar {
		return s
	}
	end := maxVar
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
