package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/leaktest"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/command"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }

func notice() notifier.Notice {
	return notifier.Notice{
		Key: "alert-7-CREATE-page", Change: notifier.Create, Attempt: 2, Created: time.Unix(5, 0).UTC(),
		Alert: alert.Alert{
			ID: 7, RuleName: "ssh-scan", Title: "ssh-scan: 192.0.2.7", Severity: alert.High, State: alert.Open,
			Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}, First: time.Unix(1, 0).UTC(), Last: time.Unix(2, 0).UTC(),
			Triggers: 3, Value: 101, Limit: 100, Reason: "101 ports, $(rm -rf /) \x00 and \xff",
		},
	}
}

// script writes a shell script and returns a notifier that runs it.
func script(t *testing.T, timeout time.Duration, lines string) notifier.Notifier {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines), 0o700); err != nil {
		t.Fatal(err)
	}
	return runner(t, path, timeout)
}

func runner(t *testing.T, path string, timeout time.Duration, args ...string) notifier.Notifier {
	t.Helper()
	c, ok := command.Default().(*command.Config)
	if !ok {
		t.Fatal("Default is no *Config")
	}
	c.Program, c.Args = path, args
	if timeout > 0 {
		c.Timeout = timeout
	}
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProgramGetsNotice(t *testing.T) {
	t.Setenv("TOCSIN_LEDGER", "postgres://u:secret@h/d")
	t.Setenv("SECRET_TOKEN", "hush")
	dir := t.TempDir()
	path := filepath.Join(dir, "notify")
	text := "#!/bin/sh\ncat > " + dir + "/input\nenv > " + dir + "/env\necho \"$@\" > " + dir + "/args\npwd\necho done >&2\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	answer, err := runner(t, path, 0, "--team", "a b").Send(t.Context(), notice())
	if err != nil || answer != "exit 0: / done" {
		t.Errorf("Send = %q, %v, want \"exit 0: / done\"", answer, err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got := read("args"); got != "CREATE --team a b\n" {
		t.Errorf("arguments = %q", got)
	}
	var got notifier.Notice
	if err := json.Unmarshal([]byte(read("input")), &got); err != nil {
		t.Fatalf("standard input: %v", err)
	}
	if want := notice(); got.Key != want.Key || got.Attempt != 2 || got.Alert.ID != 7 || got.Alert.Title != want.Alert.Title {
		t.Errorf("standard input = %+v, want %+v", got, want)
	}
	env := read("env")
	for _, want := range []string{
		"TOCSIN_CHANGE=CREATE\n", "TOCSIN_KEY=alert-7-CREATE-page\n", "TOCSIN_ATTEMPT=2\n", "TOCSIN_ALERT_ID=7\n", "TOCSIN_SEVERITY=HIGH\n",
		"TOCSIN_ENTITY=192.0.2.7\n", "TOCSIN_REASON=101 ports, $(rm -rf /) \uFFFD and \uFFFD\n", "TOCSIN_FIRST=1970-01-01T00:00:01Z\n",
		"TOCSIN_ENDED_AT=\n", "TOCSIN_VALUE=101\n", "TOCSIN_TRIGGERS=3\n",
	} {
		if !strings.Contains(env, want) {
			t.Errorf("environment lacks %q:\n%s", want, env)
		}
	}
	if strings.Contains(env, "secret") || strings.Contains(env, "hush") {
		t.Errorf("environment holds our own secrets:\n%s", env)
	}
}

func TestProgramFails(t *testing.T) {
	answer, err := script(t, 0, "echo out of paper; exit 3\n").Send(t.Context(), notice())
	if answer != "exit 3: out of paper" || err == nil || errors.Is(err, notifier.ErrPermanent) {
		t.Errorf("Send = %q, %v, want exit 3 and an error that is not permanent", answer, err)
	}
	answer, err = script(t, 0, "kill -9 $$\n").Send(t.Context(), notice())
	if err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("Send of a program that is killed = %q, %v", answer, err)
	}
}

func TestProgramThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, path := range map[string]string{
		"missing":        filepath.Join(dir, "nothing"),
		"no interpreter": write("odd", "#!/no/such/sh\n", 0o700),
		"not executable": write("plain", "#!/bin/sh\n", 0o600),
		"no program":     write("data", "\x00\x01\x02", 0o700),
		"a directory":    dir,
	} {
		_, err := runner(t, path, 0).Send(t.Context(), notice())
		if !errors.Is(err, notifier.ErrPermanent) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Send = %v, want a permanent error that names the program", name, err)
		}
	}
	c := &command.Config{Program: "/bin/true", Dir: filepath.Join(dir, "gone"), Timeout: time.Second}
	n, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Send(t.Context(), notice()); !errors.Is(err, notifier.ErrPermanent) || !strings.Contains(err.Error(), "directory") {
		t.Errorf("Send in a missing directory = %v", err)
	}
}

// gone reports whether the process of a pid file has ended or is a zombie that init has yet to collect.
func gone(t *testing.T, pidFile string) bool {
	t.Helper()
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// eventually asks until ok or the deadline; no signal tells when a process that is not ours has ended.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(limit) {
			t.Fatal(what + ": not within a minute")
		}
		<-time.After(time.Millisecond)
	}
}

// TestProgramThatHangs: a program that hangs is killed with all that it started. Where the machine is so busy that it did not
// come to hang before its time was over, it gets more time.
func TestProgramThatHangs(t *testing.T) {
	child := filepath.Join(t.TempDir(), "child")
	for timeout := 300 * time.Millisecond; ; timeout *= 10 {
		n := script(t, timeout, "echo begun\nsleep 600 & echo $! > "+child+".new\nmv "+child+".new "+child+"\nsleep 600\n")
		answer, err := n.Send(t.Context(), notice())
		if err == nil || errors.Is(err, notifier.ErrPermanent) || !strings.Contains(err.Error(), "within "+timeout.String()) {
			t.Fatalf("Send = %q, %v, want that it was killed", answer, err)
		}
		if _, err := os.Stat(child); err != nil && timeout < 30*time.Second {
			continue
		}
		if answer != "begun" {
			t.Errorf("Send = %q, want what it said", answer)
		}
		break
	}
	eventually(t, "child of the program killed", func() bool { return gone(t, child) })
}

func TestProgramThatIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		f, err := os.Open(dir + "/fifo") // returns when the program runs
		if err == nil {
			f.Close()
		}
		cancel(errors.New("enough"))
	}()
	_, err := script(t, time.Minute, "exec 3> "+dir+"/fifo\nsleep 600\n").Send(ctx, notice())
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("Send = %v, want the cause of the stop", err)
	}
}

func TestProgramThatForks(t *testing.T) {
	pids := t.TempDir()
	n := script(t, 20*time.Second, "sleep 600 & echo $! > "+pids+"/child\necho parent done\n")
	answer, err := n.Send(t.Context(), notice())
	if err != nil || answer != "exit 0: parent done" {
		t.Errorf("Send = %q, %v, want success in spite of the child that holds the output", answer, err)
	}
	eventually(t, "child left behind killed", func() bool { return gone(t, pids+"/child") })
}

func TestProgramThatFloods(t *testing.T) {
	answer, err := script(t, 0, "head -c 3000000 /dev/zero | tr '\\0' 'x'\necho\necho the end\n").Send(t.Context(), notice())
	if err != nil || len(answer) > 64<<10+100 || !strings.HasSuffix(answer, "x the end") || !strings.HasPrefix(answer, "exit 0: (") {
		t.Errorf("Send = %d bytes, %v, want the last 64 KiB", len(answer), err)
	}
	n := script(t, 300*time.Millisecond, "cat /dev/zero\n")
	if _, err := n.Send(t.Context(), notice()); err == nil {
		t.Error("Send of a program that floods for ever succeeded")
	}
}

func TestProgramThatReadsNothing(t *testing.T) {
	big := notice()
	for range 100 {
		big.Alert.Samples = append(big.Alert.Samples, json.RawMessage(`"`+strings.Repeat("x", 10_000)+`"`))
	}
	for range 20 {
		answer, err := script(t, 0, "exec 0<&-\nexit 0\n").Send(t.Context(), big)
		if err != nil || answer != "exit 0" {
			t.Fatalf("Send = %q, %v, want success", answer, err)
		}
	}
}

func TestOutputIsOneLine(t *testing.T) {
	answer, err := script(t, 0, `printf 'a\033[2Jb\r\n\0c\377d\n'`).Send(t.Context(), notice())
	if err != nil || answer != "exit 0: a [2Jb c\uFFFDd" {
		t.Errorf("Send = %q, %v", answer, err)
	}
}

func TestSample(t *testing.T) {
	c := command.Default()
	if err := document.Decode("sample.yaml", command.Sample, c); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"program:", "args:", "dir:", "timeout:"} {
		if !strings.Contains(string(command.Sample), "\n"+key) {
			t.Errorf("sample.yaml does not name %s", key)
		}
	}
}

func TestValidate(t *testing.T) {
	for text, want := range map[string]string{
		"timeout: 30s":                         "program",
		"program: page\n":                      "absolute path",
		"program: /bin/x\ndir: here\n":         "dir",
		"program: /bin/x\ntimeout: 5m\n":       "timeout",
		"program: /bin/x\ntimeout: off\n":      "timeout",
		"program: /bin/x\nargs: [\"a\\0b\"]\n": "args",
	} {
		err := document.Decode("c.yaml", []byte(text), command.Default())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Decode(%q) = %v, want a mistake that says %q", text, err, want)
		}
	}
}
