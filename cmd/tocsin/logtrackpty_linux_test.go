package main

import (
	"net/http"
	"regexp"
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
	p.answer("URL: http://127.0.0.1:", "")
	var url []string
	for deadline := time.Now().Add(30 * time.Second); url == nil && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		url = regexp.MustCompile(`URL: (http://[0-9.:]+)\r`).FindStringSubmatch(p.shown.String())
	}
	if url == nil {
		t.Fatalf("make dash shows no address: %s", p.shown)
	}
	client := http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Get(url[1] + "/login")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the page at %s: %s", url[1], res.Status)
	}
	m.make(false, "", "print") // others ask it meanwhile
	p.answer("", "\x03")
	if shown, err := p.end(); err == nil || !strings.Contains(shown, "tocsin has stopped") {
		t.Errorf("make dash after Ctrl-C: %v, showed %q, want it to stop in order", err, shown)
	}
}
