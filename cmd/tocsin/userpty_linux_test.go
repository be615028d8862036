package main

import (
	"strings"
	"testing"
)

// At a terminal the password of a new account is asked for twice and never shown, however fast it is typed.
func TestAddUserAtTerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := atTerminal(t, command(t, dir, "", "users", "add", "anna"))
	p.answer("Role, user or admin [user]: ", "admin\n")
	p.answer("New password: ", "correct horse\ncorrect horse\n")
	shown, err := p.end()
	if err != nil || strings.Contains(shown, "horse") {
		t.Errorf("users add: %v, showed %q", err, shown)
	}
	list, err := command(t, dir, "", "users", "list", "-o", "csv").CombinedOutput()
	if err != nil || !strings.Contains(string(list), "anna") {
		t.Errorf("users list: %v, %s", err, list)
	}
	p = atTerminal(t, command(t, dir, "", "users", "add", "ben"))
	p.answer("Role, user or admin [user]: ", "\n")
	p.answer("New password: ", "one thing or\n")
	p.answer("The same again: ", "another one\n")
	if shown, err = p.end(); err == nil || !strings.Contains(shown, "the two are not the same") {
		t.Errorf("users add with two passwords: %v, showed %q", err, shown)
	}
}

// Ctrl-C at a question ends the command, and what was typed after it is nobody's password.
func TestGiveUpAtTerminal(t *testing.T) {
	t.Parallel()
	for question, args := range map[string][]string{
		"Role, user or admin [user]: ": {"users", "add", "carl"},
		"Go on? [y/N] ":                {"reset"},
	} {
		p := atTerminal(t, command(t, t.TempDir(), "", args...))
		p.answer(question, "\x03")
		if shown, err := p.end(); err == nil || !strings.Contains(shown, "tocsin: ") {
			t.Errorf("%v after Ctrl-C: %v, showed %q", args, err, shown)
		}
	}
}
