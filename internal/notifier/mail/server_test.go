package mail_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/notifier/notifiertest"
)

// A letter is what the server took.
type letter struct {
	From, Hello, User, Data string
	To                      []string
	TLS                     bool
}

// A server is a real SMTP server, aiosmtpd, on loopback.
type server struct {
	port    int
	ca      string // file with the authority's certificate
	letters chan letter
}

// python is Debian's own, which has Debian's aiosmtpd. Without it the test is skipped, but fails where CI is set.
func python(t *testing.T) string {
	t.Helper()
	const path = "/usr/bin/python3"
	if err := exec.Command(path, "-c", "import aiosmtpd").Run(); err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no aiosmtpd: install Debian's python3-aiosmtpd")
	}
	t.Skip("no aiosmtpd (Debian: python3-aiosmtpd)")
	return ""
}

// serve starts a server whose certificate holds until a time.
func serve(t *testing.T, mode string, until time.Time) *server {
	t.Helper()
	s := &server{letters: make(chan letter, 16)}
	dir := t.TempDir()
	certificate, key := notifiertest.Certify(t, dir, until)
	s.ca = certificate
	cmd := exec.CommandContext(t.Context(), python(t), "testdata/server.py", mode, certificate, key)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		t.Fatal("the server says nothing")
	}
	if s.port, err = strconv.Atoi(strings.TrimSpace(lines.Text())); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.letters)
		for lines.Scan() {
			var l letter
			if json.Unmarshal(lines.Bytes(), &l) == nil {
				s.letters <- l
			}
		}
	}()
	return s
}
