package cli

import (
	"bytes"
	"strings"
	"testing"
)

// The role is asked for until it is one, and what stands behind the answer is left for the next question.
func TestAskAdmin(t *testing.T) {
	for _, c := range []struct {
		in    string
		admin bool
		rest  string
		asked int
		fails bool
	}{
		{"\nsecret\n", false, "secret\n", 1, false},
		{"user\nsecret", false, "secret", 1, false},
		{" Admin \nsecret", true, "secret", 1, false},
		{"root\nadministrator\nadmin\n", true, "", 3, false},
		{"root\n", false, "", 2, true},
		{"admin", true, "", 1, false},
		{strings.Repeat("x", 10*maxAnswer), false, strings.Repeat("x", 9*maxAnswer), 1, true},
	} {
		in := strings.NewReader(c.in)
		var asked bytes.Buffer
		s := &shell{Options: Options{In: in, Err: &asked}}
		admin, err := s.askAdmin()
		rest := c.in[len(c.in)-in.Len():]
		if admin != c.admin || rest != c.rest || strings.Count(asked.String(), "Role") != c.asked || (err != nil) != c.fails {
			t.Errorf("askAdmin of %.20q = %v, %v, left %.20q, asked %q", c.in, admin, err, rest, asked.String())
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
