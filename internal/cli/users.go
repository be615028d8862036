package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) usersCommand() *cobra.Command {
	token := s.tokensMake("token NAME", "admin", cobra.ExactArgs(1))
	token.Hidden = true // tokens were made so before there were scopes, and could do everything
	return group(&cobra.Command{Use: "users", Short: "List, add, bound and lock out accounts",
		Long: "Accounts are for the page and for the API over TCP. Who owns the data directory needs none."},
		s.usersList(), s.usersShow(), s.usersAdd(), s.usersPassword(), s.usersRole(true), s.usersRole(false), s.usersDisable(true), s.usersDisable(false),
		s.usersFilter(), s.usersDelete(), s.usersLogout(), token)
}

func (s *shell) usersList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List accounts", Example: "  tocsin users list", Args: cobra.NoArgs,
		Long: "Accounts that are logged in are marked with the number of their sessions, which a running tocsin alone knows.",
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			list, err := svc.Users(ctx)
			if err != nil {
				return err
			}
			return s.users(list)
		}),
	}
}

func (s *shell) usersShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [NAME]", Short: "Show one account, one's own where none is named", Args: cobra.MaximumNArgs(1), ValidArgsFunction: s.completeUsers,
		Example: "  tocsin users show alice\n  tocsin --server http://127.0.0.1:8400 --token tcs_… users show",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			u, err := svc.User(ctx, strings.Join(args, ""))
			if err != nil {
				return err
			}
			return s.users([]api.User{u})
		}),
	}
}

func (s *shell) users(list []api.User) error {
	out := s.sheet(column{name: "name"}, column{name: "admin"}, column{name: "disabled"}, column{name: "created"},
		column{name: "logged in", right: true}, column{name: "last login", lazy: true}, column{name: "sees", lazy: true}, column{name: "provider", lazy: true})
	for _, u := range list {
		last := ""
		if !u.LastLogin.IsZero() {
			last = s.instant(u.LastLogin)
		}
		if err := out.add(u, u.Name, yesNo(u.Admin), yesNo(u.Disabled), s.instant(u.Created), strconv.Itoa(u.Sessions), last, u.Filter, u.Provider); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return errors.Join(out.end(), s.nothing("accounts"))
	}
	return out.end()
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

func (s *shell) usersPassword() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "password NAME", Aliases: []string{"passwd"}, Short: "Change the password of an account", Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeUsers,
		Long:    "Ends the account's sessions and revokes its tokens.",
		Example: "  tocsin users password alice",
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

func (s *shell) usersRole(admin bool) *cobra.Command {
	word, short := "promote", "Make accounts administrators"
	long := "An administrator sees and may do everything. Whose view is bounded by a filter cannot be one."
	if !admin {
		word, short, long = "demote", "Make administrators ordinary accounts", "Nobody demotes himself, and the last administrator stays one."
	}
	return &cobra.Command{
		Use: word + " NAME...", Short: short, Long: long, Example: "  tocsin users " + word + " alice", Args: cobra.MinimumNArgs(1), ValidArgsFunction: s.completeUsers,
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return s.each(args, word+"d", func(name string) error { return svc.SetRole(ctx, name, admin) })
		}),
	}
}

func (s *shell) usersFilter() *cobra.Command {
	return &cobra.Command{
		Use: "filter NAME FILTER|off", Short: "Bound what an account may see", Args: cobra.ExactArgs(2), ValidArgsFunction: s.completeUsers,
		Long: "The filter holds for everything that the account can read, searches, rankings, alerts and the samples in them, and its rules judge no more than\n" +
			"that. Only what is proven to lie within is seen: an event that lacks a field that decides is hidden. Administrators see everything.",
		Example: "  tocsin users filter bob 'source.ip in cidr(\"10.0.0.0/8\")'\n  tocsin users filter bob off",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			filter, done := strings.TrimSpace(args[1]), "sees what lies within the filter"
			switch filter {
			case "":
				return usage("users filter: want a filter, or off")
			case "off":
				filter, done = "", "sees everything"
			}
			if err := svc.FilterUser(ctx, args[0], filter); err != nil {
				return err
			}
			_, err := fmt.Fprintf(s.Out, "user %s: %s\n", clean(args[0]), done)
			return err
		}),
	}
}

func (s *shell) usersDelete() *cobra.Command {
	var r api.UserRemoval
	c := &cobra.Command{
		Use: "delete NAME", Short: "Delete an account", Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeUsers,
		Long: "Deletes an account with its tokens, preferences, views and board. Who is logged in is not deleted, nor the last administrator. Who owns rules is deleted only when\n" +
			"it is said what becomes of them. Alerts of rules that are not handed over stay, for administrators.",
		Example: "  tocsin users delete bob\n  tocsin users delete bob --to alice\n  tocsin users delete bob --to '*'          # his rules are everybody's then\n  tocsin users delete bob --with-rules",
	}
	c.Flags().BoolVar(&r.WithRules, "with-rules", false, "delete its rules as well")
	c.Flags().StringVar(&r.To, "to", "", "`account` that its rules are handed over to; * for everybody")
	c.MarkFlagsMutuallyExclusive("with-rules", "to")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		r.Name = args[0]
		if err := svc.DeleteUser(ctx, r); err != nil {
			return err
		}
		_, err := fmt.Fprintf(s.Out, "user %s: deleted\n", clean(r.Name))
		return err
	})
	return c
}

func (s *shell) usersLogout() *cobra.Command {
	return &cobra.Command{
		Use: "logout NAME", Short: "End the sessions of an account", Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeUsers,
		Long: "Its tokens go on counting: see tocsin tokens revoke.", Example: "  tocsin users logout bob",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			done, err := svc.LogOutUser(ctx, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.Out, "user %s: %d sessions ended\n", clean(args[0]), done.Sessions)
			return err
		}),
	}
}
