package cli

import (
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"tocsin/internal/fault"
)

// A role is that of a new account.
type role struct {
	ask   bool // at a terminal, before the password
	admin bool
}

// password asks twice for a new password, and before it for the role if that is wanted, or reads it from the first line of a
// file.
func (s *shell) password(file string, r *role) (password string, err error) {
	if file != "" {
		text, err := s.readFile(file)
		if err != nil {
			return "", err
		}
		line, _, _ := strings.Cut(text, "\n")
		if line = strings.TrimSuffix(line, "\r"); line == "" {
			return "", refused(fault.New(fault.Invalid, "read %s: its first line is empty, want a password", file))
		}
		return line, nil
	}
	if s.ReadPassword != nil {
		return twice(func(question string, _ bool) (string, error) { return s.ReadPassword(question) })
	}
	in, ok := s.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", usage("password: standard input is no terminal to ask on (use --password-file FILE, or - for standard input)")
	}
	ask, done, err := Questions(in, s.Err)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, done()) }()
	if r != nil && r.ask {
		if r.admin, err = askAdmin(ask); err != nil {
			return "", err
		}
	}
	return twice(ask)
}

// NewPassword asks on a terminal for a new password, twice and without showing it.
func NewPassword(in *os.File, out io.Writer) (password string, err error) {
	if !term.IsTerminal(int(in.Fd())) {
		return "", usage("password: standard input is no terminal to ask on (name a file that holds it)")
	}
	ask, done, err := Questions(in, out)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, done()) }()
	return twice(ask)
}

// twice asks for a new password and then for the same again.
func twice(ask func(question string, secret bool) (string, error)) (string, error) {
	first, err := ask("New password: ", true)
	if err != nil {
		return "", err
	}
	if first == "" {
		return "", refused(fault.New(fault.Invalid, "password: got none"))
	}
	second, err := ask("The same again: ", true)
	if err != nil {
		return "", err
	}
	if first != second {
		return "", refused(fault.New(fault.Invalid, "password: the two are not the same"))
	}
	return first, nil
}

// askAdmin asks for the role of a new account until it is one; no answer is that of a user.
func askAdmin(ask func(question string, secret bool) (string, error)) (bool, error) {
	for {
		answer, err := ask("Role, user or admin [user]: ", false)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "", "user":
			return false, nil
		case "admin":
			return true, nil
		}
	}
}
