package main

import (
	"strings"
	"testing"
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
