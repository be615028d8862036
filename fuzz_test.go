package tocsin_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFuzzScript tells what tools/fuzz.sh makes of each way in which a target can end, by a go command that ends in that way.
func TestFuzzScript(t *testing.T) {
	const clock = `echo '--- FAIL: FuzzOne (2.03s)'; echo '    context deadline exceeded'; echo FAIL; exit 1`
	const input = `echo '--- FAIL: FuzzOne (0.03s)'; echo '    --- FAIL: FuzzOne (0.00s)'; echo '        x_test.go:1: wrong'
		echo '    Failing input written to testdata/fuzz/FuzzOne/1'; exit 1`
	for name, c := range map[string]struct {
		first, later string // how the first run of all ends and how each later one does, in shell
		passes       bool
		runs         int
	}{
		"passes":                {`echo PASS`, `echo PASS`, true, 2},
		"clock, then passes":    {clock, `echo PASS`, true, 3},
		"clock and clock again": {clock, clock, false, 3},
		"clock, then an input":  {clock, input, false, 2},
		"an input":              {input, `echo PASS`, false, 1},
		"an input, by the clock": {`echo '--- FAIL: FuzzOne (2.03s)'; echo '    context deadline exceeded'
			echo '    Failing input written to testdata/fuzz/FuzzOne/1'; exit 1`, `echo PASS`, false, 1},
		"a test that says the same": {`echo '--- FAIL: FuzzOne (0.03s)'; echo '    x_test.go:1: context deadline exceeded'; exit 1`, `echo PASS`, false, 1},
		"does not build":            {`echo 'x_test.go:1:1: undefined: y' >&2; exit 1`, `echo PASS`, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string, mode os.FileMode) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
					t.Fatal(err)
				}
			}
			write("x_test.go", "package x\n\nfunc FuzzOne(f *testing.F) {}\n\nfunc FuzzTwo(f *testing.F) {}\n", 0o600)
			write("go", `#!/bin/sh
case $1 in list) echo "`+dir+` x"; exit 0 ;; esac
echo "$*" >>"`+dir+`/runs"
if [ $(wc -l <"`+dir+`/runs") = 1 ]; then `+c.first+`; else `+c.later+`; fi
`, 0o700)

			cmd := exec.CommandContext(t.Context(), "tools/fuzz.sh", "2s")
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if (err == nil) != c.passes || strings.Contains(string(out), "FAIL") && c.passes {
				t.Errorf("ended with %v:\n%s", err, out)
			}
			if strings.Contains(c.first+c.later, "wrong") && !strings.Contains(string(out), "x_test.go:1: wrong") {
				t.Errorf("what failed is not told:\n%s", out)
			}
			ran, _ := os.ReadFile(filepath.Join(dir, "runs"))
			if got := strings.Count(string(ran), "\n"); got != c.runs {
				t.Errorf("%d runs, want %d:\n%s", got, c.runs, ran)
			}
		})
	}
}
