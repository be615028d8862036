package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// At a terminal the password is asked for and not shown, and so is the role.
func TestLogTrackUserAtTerminal(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	p := atTerminal(t, m.command("user", "username=anna"))
	p.answer("Password for anna: ", "correct horse\n")
	p.answer("Role, user or admin [user]: ", "admin\n")
	shown, err := p.end()
	if err != nil || !strings.Contains(shown, "User 'anna' added with role 'admin'") {
		t.Errorf("make user: %v, showed %q", err, shown)
	}
	if strings.Contains(shown, "horse") {
		t.Errorf("make user shows the password: %q", shown)
	}
	p = atTerminal(t, m.command("user", "username=ben", "role=user"))
	p.answer("Password for ben: ", "battery staple\n")
	if shown, err = p.end(); err != nil || strings.Contains(shown, "Role") {
		t.Errorf("make user with a role: %v, showed %q, want no question for it", err, shown)
	}
}

// Where no tocsin runs, dash runs one in the foreground and says where its page is, until Ctrl-C.
func TestLogTrackDashAtTerminal(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	m.write("tocsin.yaml", strings.Replace(quietConfig, `"off"`, "127.0.0.1:0", 1))
	p := atTerminal(t, m.command("dash"))
	url, ok := p.shown.await(`URL: (http://[0-9.:]+)\r`)
	if !ok {
		t.Fatalf("make dash shows no address: %s", p.shown)
	}
	client := http.Client{Timeout: time.Minute}
	defer client.CloseIdleConnections()
	res, err := client.Get(url + "/login")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the page at %s: %s", url, res.Status)
	}
	m.make(false, "", "print") // others ask it meanwhile
	p.answer("", "\x03")
	if shown, err := p.end(); err == nil || !strings.Contains(shown, "tocsin has stopped") {
		t.Errorf("make dash after Ctrl-C: %v, showed %q, want it to stop in order", err, shown)
	}
}
