package cli

import (
	"errors"
	"strings"
	"testing"
)

// The role is asked for until it is one.
func TestAskAdmin(t *testing.T) {
	for _, c := range []struct {
		answers string
		admin   bool
		fails   bool
	}{
		{"", false, false}, {"user", false, false}, {" Admin ", true, false}, {"root,administrator,admin", true, false}, {"root", false, true},
	} {
		answers, asked := strings.Split(c.answers, ","), 0
		admin, err := askAdmin(func(question string, secret bool) (string, error) {
			if !strings.HasPrefix(question, "Role") || secret {
				t.Errorf("asks %q, secret: %v", question, secret)
			}
			if asked++; asked > len(answers) {
				return "", errors.New("given up")
			}
			return answers[asked-1], nil
		})
		if admin != c.admin || (err != nil) != c.fails || !c.fails && asked != len(answers) {
			t.Errorf("askAdmin of %q = %v, %v, asked %d times", c.answers, admin, err, asked)
		}
	}
}

// A backup says what it leaves out, and only then.
func TestBackupOfTwo(t *testing.T) {
	for ledger, told := range map[string]bool{"postgres://db:5432/tocsin": true, "/data/ledger.db": false, "": false} {
		r := (&run{svc: &recorder{ledger: ledger}}).do(t, "backup", "/tmp/x")
		if r.code != 0 || r.out != "backed up to /tmp/x\n" || strings.Contains(r.err, "pg_dump") != told || told && !strings.Contains(r.err, ledger) {
			t.Errorf("backup with ledger %q: exit code %d, %q, %q", ledger, r.code, r.out, r.err)
		}
	}
}
