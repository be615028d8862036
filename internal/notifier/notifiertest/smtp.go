package notifiertest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

//go:embed smtp.py
var smtpServer string

// A Letter is what an SMTP server took.
type Letter struct {
	From, Hello, User, Data string
	To                      []string
	TLS                     bool
}

// A MailServer is a real SMTP server, aiosmtpd, on 127.0.0.1. alice may log in with "open sesame"; mail to nobody@ is refused
// for good, to later@ for now.
type MailServer struct {
	Port    int
	CA      string      // file with the authority's certificate
	Letters chan Letter // closed when the server is gone
}

// python is Debian's own, which has Debian's aiosmtpd. Without it the test is skipped, but fails where CI is set.
func python(t *testing.T) string {
	t.Helper()
	const path = "/usr/bin/python3"
	if err := exec.CommandContext(t.Context(), path, "-c", "import aiosmtpd").Run(); err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no aiosmtpd: install Debian's python3-aiosmtpd")
	}
	t.Skip("no aiosmtpd (Debian: python3-aiosmtpd)")
	return ""
}

// Mail starts a server whose connections are protected as mode says, none, starttls or implicit, by a certificate that holds
// until a time. It ends with the test.
func Mail(t *testing.T, mode string, until time.Time) *MailServer {
	t.Helper()
	s := &MailServer{Letters: make(chan Letter, 64)}
	certificate, key := Certify(t, t.TempDir(), until)
	s.CA = certificate
	cmd := exec.CommandContext(t.Context(), python(t), "-c", smtpServer, mode, certificate, key)
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
	if s.Port, err = strconv.Atoi(strings.TrimSpace(lines.Text())); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.Letters)
		for lines.Scan() {
			var l Letter
			if json.Unmarshal(lines.Bytes(), &l) == nil {
				s.Letters <- l
			}
		}
	}()
	return s
}
