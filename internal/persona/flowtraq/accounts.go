package flowtraq

import (
	"context"
	"fmt"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/traq"
)

// verb is the one of several options that was given, which says what a tool is to do.
func (q *question) verb(names ...string) (string, error) {
	given := ""
	for _, name := range names {
		switch {
		case !q.has(name):
		case given != "":
			return "", misused(q.tool.name, "want %s or %s, not both", given, name)
		default:
			given = name
		}
	}
	if given == "" {
		return "", misused(q.tool.name, "want one of %s (with --help it says what they do; with -al it lists alerts)", strings.Join(names, ", "))
	}
	return given, nil
}

// say prints one line about what was done.
func (o *Options) say(format string, args ...any) error {
	_, err := fmt.Fprintln(o.Out, cli.Cell(fmt.Sprintf(format, args...)))
	return err
}

// planAccounts manages accounts. What may not be, as that somebody takes his own privileges, who is asked refuses.
func (o *Options) planAccounts(q *question) (job, error) {
	verb, err := q.verb("-ul", "-ua", "-uw", "-ug", "-ur", "-ud")
	if err != nil {
		return nil, err
	}
	name := q.given[verb]
	if q.has("-npf") && verb != "-ua" && verb != "-uw" {
		return nil, misused(q.tool.name, "-npf: is for -ua and -uw")
	}
	switch verb {
	case "-ul":
		return o.listAccounts(q), nil
	case "-ua", "-uw":
		return o.putAccount(q, name, verb == "-ua")
	case "-ud":
		to := q.given["-uto"]
		return func(ctx context.Context, service api.Service, _ Server) error {
			if err := service.DeleteUser(ctx, api.UserRemoval{Name: name, To: to}); err != nil {
				return err
			}
			return o.say("user %s: deleted", name)
		}, nil
	default:
		return func(ctx context.Context, service api.Service, _ Server) error {
			if err := service.SetRole(ctx, name, verb == "-ug"); err != nil {
				return err
			}
			if verb == "-ug" {
				return o.say("user %s: is an administrator", name)
			}
			return o.say("user %s: is an ordinary user", name)
		}, nil
	}
}

func (o *Options) listAccounts(q *question) job {
	show := o.printer(q)
	return func(ctx context.Context, service api.Service, _ Server) error {
		users, err := service.Users(ctx)
		if err != nil {
			return err
		}
		health, err := service.Health(ctx)
		if err != nil {
			return err
		}
		t := traq.Table{Columns: []traq.Column{{Name: "NAME"}, {Name: "ROLE"}, {Name: "ACTIVE"}, {Name: "ENABLED"}, {Name: "LAST LOGIN"}, {Name: "USER FILTER"}}}
		for _, u := range users {
			role := "user"
			if u.Admin {
				role = "administrator"
			}
			t.Rows = append(t.Rows, []string{u.Name, role, yesNo(u.Sessions > 0), yesNo(!u.Disabled), traq.Instant(u.LastLogin, health.Location()), u.Filter})
		}
		return show.table(t)
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// putAccount adds an account or changes its password, which is asked for before the service is opened: nobody else could use
// that meanwhile.
func (o *Options) putAccount(q *question, name string, create bool) (job, error) {
	password, err := o.newPassword(q)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, service api.Service, _ Server) error {
		if err := service.PutUser(ctx, api.UserEdit{Name: name, Password: password, Create: create}); err != nil {
			return err
		}
		if create {
			return o.say("user %s: added", name)
		}
		return o.say("user %s: password changed", name)
	}, nil
}

func (o *Options) newPassword(q *question) (string, error) {
	if path, ok := q.given["-npf"]; ok {
		return secret("-npf", path)
	}
	return o.NewPassword()
}
