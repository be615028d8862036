package logtrack

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/fault"
)

func (f *face) initDB(ctx context.Context, _ []string) error { return f.ask(ctx, f.load) }

func (f *face) dash(ctx context.Context, _ []string) error { return cli.Refused(f.Dash(ctx)) }

// user adds an account. Password and role are asked for, on a terminal without showing the password; else each is a line of
// standard input.
func (f *face) user(ctx context.Context, args []string) error {
	name := f.argument(args, "username")
	if name == "" {
		return misused("name the account: make user username=anna, or logtrack user anna")
	}
	role := ""
	if len(args) > 1 {
		role = args[1]
	}
	if role != "" && role != "user" && role != "admin" {
		return misused("role %q: want user or admin", role)
	}
	password, role, err := f.credentials(name, role)
	if err != nil {
		return err
	}
	return f.ask(ctx, func(ctx context.Context, svc api.Service) error {
		err := svc.PutUser(ctx, api.UserEdit{Name: name, Password: password, Admin: role == "admin", Create: true})
		if err != nil {
			return cli.Refused(err)
		}
		return f.say("User '%s' added with role '%s'", name, role)
	})
}

// credentials asks for a password, and for a role where none is given.
func (f *face) credentials(name, role string) (password, chosen string, err error) {
	ask, done, err := f.questions()
	if err != nil {
		return "", "", cli.Refused(err)
	}
	defer func() { err = errors.Join(err, done()) }()
	if password, err = ask("Password for "+cli.Clean(name)+": ", true); err != nil {
		return "", "", cli.Refused(err)
	}
	if password == "" {
		return "", "", cli.Refused(fault.New(fault.Invalid, "password: got none"))
	}
	if role != "" {
		return password, role, nil
	}
	if chosen, err = ask("Role, user or admin [user]: ", false); err != nil {
		return "", "", cli.Refused(err)
	}
	switch chosen = orElse(strings.TrimSpace(chosen), "user"); chosen {
	case "user", "admin":
		return password, chosen, nil
	default:
		return "", "", cli.Refused(fault.New(fault.Invalid, "role %q: want user or admin", chosen))
	}
}

// questions returns what asks: the person at a terminal, or else the next line of standard input.
func (f *face) questions() (ask func(question string, secret bool) (string, error), done func() error, err error) {
	if file, ok := f.In.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return cli.Questions(file, f.Err)
	}
	lines := bufio.NewReader(f.In)
	return func(string, bool) (string, error) { return readLine(lines) }, func() error { return nil }, nil
}

// maxLine bounds what is read as a password or a role.
const maxLine = 4 << 10

// readLine reads a line without its end; at the end of the input it is what is left.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for len(line) <= maxLine {
		b, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF), b == '\n':
			return strings.TrimSuffix(string(line), "\r"), nil
		case err != nil:
			return "", err
		}
		line = append(line, b)
	}
	return "", fault.New(fault.Invalid, "standard input: a line is longer than %d bytes", maxLine)
}
