package cli

import (
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// Questions returns what asks the person at a terminal, without showing the answer to a secret question; done gives the
// terminal back. It shows nothing by itself before the first question stands there, so that who types fast is not seen
// either.
func Questions(terminal *os.File, out io.Writer) (ask func(question string, secret bool) (string, error), done func() error, err error) {
	fd := int(terminal.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, nil, err
	}
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{terminal, out}, "")
	ask = func(question string, secret bool) (text string, err error) {
		if secret {
			text, err = t.ReadPassword(question)
		} else {
			t.SetPrompt(question)
			text, err = t.ReadLine()
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("given up")
		}
		return text, err
	}
	return ask, func() error { return term.Restore(fd, before) }, nil
}
