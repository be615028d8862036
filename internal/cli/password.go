package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"tocsin/internal/fault"
)

// password asks twice for a new password, or reads it from the first line of a file.
func (s *shell) password(file string) (password string, err error) {
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
	ask := s.ReadPassword
	if ask == nil {
		in, ok := s.In.(*os.File)
		if !ok || !term.IsTerminal(int(in.Fd())) {
			return "", usage("password: standard input is no terminal to ask on (use --password-file FILE, or - for standard input)")
		}
		question, done, failed := Questions(in, s.Err)
		if failed != nil {
			return "", failed
		}
		defer func() { err = errors.Join(err, done()) }()
		ask = func(prompt string) (string, error) { return question(prompt, true) }
	}
	first, err := ask("New password: ")
	if err != nil {
		return "", err
	}
	if first == "" {
		return "", refused(fault.New(fault.Invalid, "password: got none"))
	}
	second, err := ask("The same again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", refused(fault.New(fault.Invalid, "password: the two are not the same"))
	}
	return first, nil
}

// atTerminal reports whether there is somebody to ask.
func (s *shell) atTerminal() bool {
	f, ok := s.In.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// askAdmin asks for the role of a new account until it is one; no answer is that of a user.
func (s *shell) askAdmin() (bool, error) {
	for {
		_, _ = fmt.Fprint(s.Err, "Role, user or admin [user]: ") // there is nowhere else to ask
		line, err := readLine(s.In)
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "":
			return false, err // at its end there is nobody to ask
		case "user":
			return false, nil
		case "admin":
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// maxAnswer bounds a line that is read as an answer.
const maxAnswer = 1000

// readLine reads one line and nothing behind it, which is for whoever asks next.
func readLine(in io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < maxAnswer; {
		n, err := in.Read(one)
		if n > 0 && one[0] == '\n' {
			return string(line), nil
		}
		line = append(line, one[:n]...)
		if err != nil {
			return string(line), err
		}
	}
	return "", usage("the answer is too long")
}
