package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) tokensCommand() *cobra.Command {
	return group(&cobra.Command{Use: "tokens", Short: "Make, list and revoke the tokens of programs",
		Long: "A token stands for a name and password, for --token and for programs: Authorization: Bearer TOKEN. Where no account is named it is one's own."},
		s.tokensMake("make [NAME]", "read", cobra.MaximumNArgs(1)), s.tokensList(), s.tokensRevoke())
}

func (s *shell) tokensMake(use, scope string, args cobra.PositionalArgs) *cobra.Command {
	var expires string
	var q api.TokenRequest
	c := &cobra.Command{
		Use: use, Short: "Make a token", Args: args, ValidArgsFunction: s.completeUsers,
		Long: "Makes a token and shows it this once. What it is for is said by --scope: read looks at what the account may see, act also works on alerts and changes\n" +
			"rules and what is told, send appends events and nothing else, admin is everything that the account may. It counts for 90 days unless --expires says\n" +
			"otherwise.",
		Example: "  tocsin tokens make reporter --expires 30d > token\n  tocsin tokens make agent --scope send --label web1 --expires never",
	}
	c.Flags().StringVar(&q.Scopes, "scope", scope, "what it is for: some of read, act, send and admin, with commas between")
	c.Flags().StringVar(&q.Label, "label", "", "`text` by which to know it again")
	c.Flags().StringVar(&expires, "expires", "", "`length` of time after which it no longer counts, or never (default 90d)")
	must(c.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"read", "act", "send", "admin"}, cobra.ShellCompDirectiveNoFileComp)))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		if len(args) > 0 {
			q.User = args[0]
		}
		switch expires {
		case "":
		case "never":
			q.Never = true
		default:
			d, err := api.ParseDuration(expires)
			if err != nil || d == 0 {
				return usage("--expires %q: want a length of time such as 90d, or never", expires)
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

func (s *shell) tokensList() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "list [NAME]", Short: "List tokens", Args: cobra.MaximumNArgs(1), ValidArgsFunction: s.completeUsers,
		Long:    "Lists tokens with what they are for and when they were last used, to the minute. The tokens themselves are kept by nobody.",
		Example: "  tocsin tokens list alice\n  tocsin tokens list --all",
	}
	c.Flags().BoolVar(&all, "all", false, "those of all accounts")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		var q api.TokenQuery
		switch {
		case len(args) > 0 && all:
			return usage("tokens list: want an account or --all, not both")
		case len(args) > 0:
			q.User = args[0]
		case all:
			q.User = "*"
		}
		list, err := svc.Tokens(ctx, q)
		if err != nil {
			return err
		}
		out := s.sheet(column{name: "id", right: true}, column{name: "user"}, column{name: "label", lazy: true}, column{name: "scope"}, column{name: "state"},
			column{name: "created"}, column{name: "expires"}, column{name: "last used"})
		for _, t := range list {
			if err := out.add(t, strconv.FormatInt(t.ID, 10), t.User, t.Label, t.Scopes, tokenState(t), s.instant(t.Created), s.instantOr(t.Expires, "never"), s.instantOr(t.Used, "never")); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return errors.Join(out.end(), s.nothing("tokens"))
		}
		return out.end()
	})
	return c
}

func tokenState(t api.TokenEntry) string {
	switch {
	case !t.Revoked.IsZero():
		return "revoked"
	case !t.Valid:
		return "expired"
	default:
		return "valid"
	}
}

// instantOr shows a time, or a word where there is none.
func (s *shell) instantOr(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return s.instant(t)
}

func (s *shell) tokensRevoke() *cobra.Command {
	var r api.TokenRevocation
	var all bool
	c := &cobra.Command{
		Use: "revoke [NAME] --id N|--all", Short: "Revoke a token, or all of an account", Args: cobra.MaximumNArgs(1), ValidArgsFunction: s.completeUsers,
		Example: "  tocsin tokens revoke alice --id 3\n  tocsin tokens revoke alice --all",
	}
	c.Flags().Int64Var(&r.ID, "id", 0, "`number` of the token, as tocsin tokens list shows it")
	c.Flags().BoolVar(&all, "all", false, "all tokens of the account")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		if (r.ID > 0) == all || r.ID < 0 {
			return usage("tokens revoke: want --id with the number of a token, or --all")
		}
		if len(args) > 0 {
			r.User = args[0]
		}
		done, err := svc.RevokeTokens(ctx, r)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.Out, "tokens revoked: %d\n", done.Tokens)
		return err
	})
	return c
}
