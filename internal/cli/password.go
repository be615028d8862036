package cli

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"tocsin/internal/fault"
)

// password asks twice for a new password, or reads it from the first line of a file.
func (s *shell) password(file string) (string, error) {
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
		ask = func(prompt string) (string, error) {
			_, _ = fmt.Fprint(s.Err, prompt) // there is nowhere else to ask
			text, err := term.ReadPassword(int(in.Fd()))
			s.say("")
			return string(text), err
		}
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
