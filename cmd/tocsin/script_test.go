package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// quietConfig keeps a daemon of a test on its socket: nothing listens where another could.
const quietConfig = `http: {listen: "off"}
journal: {free_floor: "off"}
sources: {syslog: [], flows: []}
`

// Each script is a session of a person at a shell. It is run twice: on a data directory that no process holds, and beside a
// daemon between `daemon start` and `daemon stop`. What the program answers must be the same.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program hundreds of times: skipped with -short")
	}
	t.Parallel()
	t.Run("alone", func(t *testing.T) { runScripts(t, false) })
	t.Run("serving", func(t *testing.T) { runScripts(t, true) })
}

func runScripts(t *testing.T, serving bool) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Deadline:            time.Now().Add(8 * time.Minute),
		Setup: func(e *testscript.Env) error {
			e.Setenv(childVar, "1")
			e.Setenv("TOCSIN_DATA", filepath.Join(e.WorkDir, "data"))
			e.Setenv("TOCSIN_CONFIG", filepath.Join(e.WorkDir, "tocsin.yaml"))
			e.Setenv("TZ", "UTC")
			e.Values[programKey{}] = self
			e.Values[daemonKey{}] = &beside{}
			if _, err := os.Stat(filepath.Join(e.WorkDir, "tocsin.yaml")); err == nil {
				return nil
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "tocsin.yaml"), []byte(quietConfig), 0o600)
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "serving":
				return serving, nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("condition %q is not known", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tocsin":   scriptTocsin,
			"misused":  scriptMisused,
			"exits":    scriptExits,
			"ages":     scriptAges,
			"until":    scriptUntil,
			"captures": scriptCaptures,
			"database": scriptDatabase,
			"sshscan":  scriptSSHScan,
			"daemon": func(ts *testscript.TestScript, _ bool, args []string) {
				if serving {
					scriptDaemon(ts, args)
				}
			},
		},
	})
}

// Keys of what a script keeps.
type (
	programKey struct{} // path of the program
	daemonKey  struct{} // *beside
)

// scriptTocsin runs the program and wants exit code 0, or with ! before it 1.
func scriptTocsin(ts *testscript.TestScript, neg bool, args []string) {
	want := 0
	if neg {
		want = 1
	}
	wantExit(ts, want, args)
}

// scriptMisused runs the program and wants exit code 2.
func scriptMisused(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("! misused says nothing")
	}
	wantExit(ts, 2, args)
}

// scriptExits runs the program and wants the exit code that stands first.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("want exits CODE ARGUMENT...")
	}
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	wantExit(ts, code, args[1:])
}

// scriptUntil runs the program until it ends with exit code 0, as a list does when there is something to list.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || args[0] != "tocsin" {
		ts.Fatalf("usage: until tocsin ARGUMENT...")
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(time.Minute); ts.Exec(ts.Value(programKey{}).(string), args[1:]...) != nil; <-again.C {
		if time.Now().After(end) {
			ts.Fatalf("%s: it does not come to that", strings.Join(args, " "))
		}
	}
}

func wantExit(ts *testscript.TestScript, want int, args []string) {
	err := ts.Exec(ts.Value(programKey{}).(string), args...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("tocsin %s: exit code %d, want %d", strings.Join(args, " "), got, want)
	}
}

// scriptAges writes a file of one JSON line for each age, such as 90m: an event that happened so long ago.
func scriptAges(ts *testscript.TestScript, _ bool, args []string) {
	var text strings.Builder
	for _, age := range args[1:] {
		d, err := time.ParseDuration(age)
		ts.Check(err)
		line, err := json.Marshal(map[string]any{"@timestamp": time.Now().Add(-d), "message": age + " ago"})
		ts.Check(err)
		text.Write(line)
		text.WriteByte('\n')
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text.String()), 0o600))
}

// A beside is the daemon beside a script.
type beside struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// scriptDaemon starts and stops the daemon on the data directory of a script.
func scriptDaemon(ts *testscript.TestScript, args []string) {
	d := ts.Value(daemonKey{}).(*beside)
	switch {
	case len(args) > 0 && args[0] == "start":
		d.start(ts, args[1:])
	case len(args) == 1 && args[0] == "stop":
		d.stop(ts)
	default:
		ts.Fatalf("want daemon start or daemon stop")
	}
}

// start returns when the daemon is ready.
func (d *beside) start(ts *testscript.TestScript, args []string) {
	said, err := os.Create(ts.MkAbs(".daemon"))
	ts.Check(err)
	*d = beside{cmd: exec.Command(ts.Value(programKey{}).(string), append([]string{"serve"}, args...)...), exited: make(chan struct{})}
	d.cmd.Dir, d.cmd.Stdout, d.cmd.Stderr = ts.MkAbs("."), said, said
	for _, name := range []string{childVar, "TOCSIN_DATA", "TOCSIN_CONFIG", "TZ", "HOME", "PATH", "TMPDIR"} {
		d.cmd.Env = append(d.cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(d.cmd.Start())
	go func(d beside) {
		_ = d.cmd.Wait() // the exit code is looked at by whoever stops it
		close(d.exited)
	}(*d)
	ts.Defer(func() {
		_ = d.cmd.Process.Kill() // it has ended, as a rule
		<-d.exited
		_ = said.Close()
	})
	client := socketClient(filepath.Join(ts.Getenv("TOCSIN_DATA"), "tocsin.sock"))
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(patience); ; {
		res, err := client.Get("http://tocsin/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-d.exited:
			ts.Fatalf("the daemon has ended: %s", ts.ReadFile(".daemon"))
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the daemon does not get ready: %v: %s", err, ts.ReadFile(".daemon"))
		}
	}
}

// stop ends the daemon as an init system would, and wants it to end well.
func (d *beside) stop(ts *testscript.TestScript) {
	if d.cmd == nil {
		ts.Fatalf("daemon stop: there is none")
	}
	ts.Check(d.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-d.exited:
	case <-time.After(patience):
		ts.Fatalf("the daemon does not stop: %s", ts.ReadFile(".daemon"))
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		ts.Fatalf("the daemon ended with exit code %d: %s", code, ts.ReadFile(".daemon"))
	}
}

// socketClient speaks to a daemon over the socket in its data directory.
func socketClient(path string) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}
