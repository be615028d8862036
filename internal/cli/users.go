package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) usersCommand() *cobra.Command {
	return group(&cobra.Command{Use: "users", Short: "List, add and lock out accounts",
		Long: "Accounts are for the page and for the API over TCP. Who owns the data directory needs none."},
		s.usersList(), s.usersAdd(), s.usersPasswd(), s.usersToken(), s.usersDisable(true), s.usersDisable(false))
}

func (s *shell) usersList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List accounts", Example: "  tocsin users list", Args: cobra.NoArgs,
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			list, err := svc.Users(ctx)
			if err != nil {
				return err
			}
			out := s.sheet(column{name: "name"}, column{name: "admin"}, column{name: "disabled"}, column{name: "created"})
			for _, u := range list {
				if err := out.add(u, u.Name, yesNo(u.Admin), yesNo(u.Disabled), s.instant(u.Created)); err != nil {
					return err
				}
			}
			if len(list) == 0 {
				return errors.Join(out.end(), s.nothing("accounts"))
			}
			return out.end()
		}),
	}
}

func (s *shell) usersAdd() *cobra.Command {
	var file string
	var as role
	c := &cobra.Command{
		Use: "add NAME", Short: "Add an account", Args: cobra.ExactArgs(1),
		Long:    "Asks for the password twice, without showing it, or reads it from the first line of a file. It never stands on the command\nline, and has 8 characters or more. On a terminal the role is asked for too, unless --admin says it.",
		Example: "  tocsin users add alice --admin\n  tocsin users add reporter --password-file /run/secrets/reporter",
	}
	c.Flags().BoolVar(&as.admin, "admin", false, "may do everything")
	c.Flags().StringVar(&file, "password-file", "", "`file` with the password in its first line; - for standard input")
	must(c.MarkFlagFilename("password-file"))
	add := s.withPassword(&file, &as, func(ctx context.Context, svc api.Service, name, password string) error {
		if err := svc.PutUser(ctx, api.UserEdit{Name: name, Password: password, Admin: as.admin, Create: true}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(s.Out, "user %s: added\n", clean(name))
		return err
	})
	c.RunE = func(cmd *cobra.Command, args []string) error {
		as.ask = !c.Flags().Changed("admin")
		return add(cmd, args)
	}
	return c
}

func (s *shell) usersPasswd() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "passwd NAME", Short: "Change the password of an account", Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeUsers,
		Example: "  tocsin users passwd alice",
	}
	c.Flags().StringVar(&file, "password-file", "", "`file` with the password in its first line; - for standard input")
	must(c.MarkFlagFilename("password-file"))
	c.RunE = s.withPassword(&file, nil, func(ctx context.Context, svc api.Service, name, password string) error {
		if err := svc.PutUser(ctx, api.UserEdit{Name: name, Password: password}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(s.Out, "user %s: password changed\n", clean(name))
		return err
	})
	return c
}

// withPassword makes the RunE of a command that needs a password. It is asked for before the service is opened, which
// nobody else can use meanwhile.
func (s *shell) withPassword(file *string, as *role, do func(ctx context.Context, svc api.Service, name, password string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		s.started = true
		password, err := s.password(*file, as)
		if err != nil {
			return err
		}
		return s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return do(ctx, svc, args[0], password)
		})(cmd, args)
	}
}

func (s *shell) usersToken() *cobra.Command {
	var expires string
	c := &cobra.Command{
		Use: "token NAME", Short: "Make a token for programs", Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeUsers,
		Long:    "Makes a token that stands for name and password, for --token and for programs: Authorization: Bearer TOKEN. It is shown this once.",
		Example: "  tocsin users token reporter --expires 90d > token",
	}
	c.Flags().StringVar(&expires, "expires", "", "`length` of time after which it no longer counts (default: never)")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		q := api.TokenRequest{User: args[0]}
		if expires != "" {
			d, err := api.ParseDuration(expires)
			if err != nil || d == 0 {
				return usage("--expires %q: want a length of time such as 90d", expires)
			}
			q.Expires = time.Now().Add(d)
		}
		t, err := svc.MakeToken(ctx, q)
		if err != nil {
			return err
		}
		if s.format == "json" {
			return writeJSON(s.Out, t)
		}
		_, err = fmt.Fprintln(s.Out, clean(t.Token))
		return err
	})
	return c
}

func (s *shell) usersDisable(disable bool) *cobra.Command {
	word, short := "disable", "Lock accounts out, at once"
	if !disable {
		word, short = "enable", "Let accounts in again"
	}
	return &cobra.Command{
		Use: word + " NAME...", Short: short, Example: "  tocsin users " + word + " alice", Args: cobra.MinimumNArgs(1), ValidArgsFunction: s.completeUsers,
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return s.each(args, word+"d", func(name string) error { return svc.DisableUser(ctx, name, disable) })
		}),
	}
}
