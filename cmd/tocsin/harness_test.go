package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The tests of this package run the real program: the test binary starts itself again with this variable set and then is
// tocsin. With the second one it kills itself at a named point: "POINT:N" at the Nth time that it comes by.
const (
	childVar = "TOCSIN_TEST_CHILD"
	crashVar = "TOCSIN_TEST_CRASH"
)

// atOnce has a process end at once also where it was built with the race detector, which else sleeps for a second before: the tools of a
// test of minutes do so two hundred times.
const atOnce = "GORACE=atexit_sleep_ms=0"

// patience is how long a test waits for what another process is about to do: longer than any that works takes on a machine that is busy
// with other tests, and whose disk is.
const patience = time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		os.Exit(run(arguments(os.Args), crasher(os.Getenv(crashVar))))
	}
	os.Exit(m.Run())
}

// crasher returns what kills this process, as SIGKILL does, at the wanted point.
func crasher(wanted string) func(point string) {
	name, number, ok := strings.Cut(wanted, ":")
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil
	}
	var left atomic.Int64
	left.Store(int64(n))
	return func(point string) {
		if point == name && left.Add(-1) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// A daemon is one run of `tocsin serve` in a child process.
type daemon struct {
	t      *testing.T
	dir    string // data directory
	cmd    *exec.Cmd
	said   *transcript
	exited chan struct{}
	http   *http.Client
}

// A transcript is what a process says; it can be read while more is said.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when more is said; nil while nobody waits for that
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.more != nil {
		close(t.more)
		t.more = nil
	}
	return t.text.Write(p)
}

// await waits until the process has said what a pattern finds, and returns its last group; false when it does not in a minute.
func (t *transcript) await(pattern string) (group string, ok bool) {
	p, late := regexp.MustCompile(pattern), time.After(time.Minute)
	for {
		t.mu.Lock()
		if t.more == nil {
			t.more = make(chan struct{})
		}
		m, more := p.FindSubmatch(t.text.Bytes()), t.more
		if m != nil {
			group = string(m[len(m)-1])
		}
		t.mu.Unlock()
		if m != nil {
			return group, true
		}
		select {
		case <-more:
		case <-late:
			return "", false
		}
	}
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// command prepares a run of the program.
func command(t *testing.T, dir, crash string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childVar+"=1", crashVar+"="+crash, "TOCSIN_DATA="+dir, atOnce)
	return cmd
}

// start runs the daemon and returns when it answers, or has ended.
func start(t *testing.T, dir, config, crash string) *daemon {
	t.Helper()
	return launch(t, dir, command(t, dir, crash, "serve", "--config", config))
}

// launch is start for any command that runs until it is stopped.
func launch(t *testing.T, dir string, cmd *exec.Cmd) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: dir, cmd: cmd, said: &transcript{}, exited: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said
	socket := filepath.Join(dir, "tocsin.sock")
	d.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() { d.kill() })
	for deadline := time.Now().Add(patience); ; {
		res, err := d.http.Get("http://tocsin/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return d
			}
		}
		select {
		case <-d.exited:
			return d
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			d.kill()
			t.Fatalf("tocsin does not get ready: %v\n%s", err, d.said)
		}
	}
}

func (d *daemon) alive() bool {
	select {
	case <-d.exited:
		return false
	default:
		return true
	}
}

// kill ends the daemon as a power button would, without warning.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.exited
	d.http.CloseIdleConnections()
}

// stop ends the daemon as an init system would, and wants it to end well.
func (d *daemon) stop() {
	d.t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.exited:
	case <-time.After(patience):
		d.kill()
		d.t.Fatalf("tocsin does not stop\n%s", d.said)
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		d.t.Fatalf("tocsin stopped with exit code %d\n%s", code, d.said)
	}
}

// post sends events and reports whether they were acknowledged.
func (d *daemon) post(key string, body []byte) error {
	req, err := http.NewRequest("POST", "http://tocsin/api/v1/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, answer)
	}
	return nil
}

// ask calls the API and decodes its answer.
func (d *daemon) ask(method, path string, into any) {
	d.t.Helper()
	req, err := http.NewRequest(method, "http://tocsin"+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	res, err := d.http.Do(req)
	if err != nil {
		d.t.Fatalf("%s %s: %v\n%s", method, path, err, d.said)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		d.t.Fatalf("%s %s: %v %s: %s", method, path, err, res.Status, answer)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(answer, into); err != nil {
		d.t.Fatalf("%s %s: %v: %s", method, path, err, answer)
	}
}

// events returns how often each event.id is in the history.
func (d *daemon) events() map[string]int {
	d.t.Helper()
	res, err := d.http.Get("http://tocsin/api/v1/search?limit=-1")
	if err != nil {
		d.t.Fatalf("search: %v\n%s", err, d.said)
	}
	defer res.Body.Close()
	count := map[string]int{}
	for lines := json.NewDecoder(res.Body); ; {
		var e struct {
			ID      string `json:"event.id"`
			Message string `json:"message"`
		}
		if err := lines.Decode(&e); err == io.EOF {
			return count
		} else if err != nil {
			d.t.Fatalf("search: %v", err)
		}
		if e.ID == "" {
			e.ID = e.Message
		}
		count[e.ID]++
	}
}
