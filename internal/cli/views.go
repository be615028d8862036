package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) viewsCommand() *cobra.Command {
	var user string
	c := s.viewsList("views", &user)
	c.AddCommand(s.viewsList("list", &user), s.viewsSave(&user), s.viewsRemove(&user))
	s.forUser(c, &user, "the views")
	return c
}

func (s *shell) viewsList(use string, user *string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: "List the addresses of pages that you keep under a name", Args: cobra.NoArgs,
		Long: `A view is an address of one of tocsin's own pages that you keep under a name: /alerts, /flows or /flows/sessions, with what is asked
there. The page shows a list of them, and a widget of your board shows what is behind one. Everybody keeps his own, 200 at most;
administrators see and change those of others with --for.`,
		Example: "  tocsin views\n  tocsin views list -o json",
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			list, err := svc.Views(ctx, *user)
			if err != nil {
				return err
			}
			out := s.sheet(column{name: "name"}, column{name: "address", cut: true}, column{name: "changed", time: true})
			for _, v := range list {
				if err := out.add(v, v.Name, v.Address, s.instant(v.Changed)); err != nil {
					return err
				}
			}
			if len(list) == 0 {
				return errors.Join(out.end(), s.nothing("views"))
			}
			return out.end()
		}),
	}
}

func (s *shell) viewsSave(user *string) *cobra.Command {
	var replace bool
	c := &cobra.Command{
		Use: "save NAME ADDRESS", Short: "Keep an address under a name", Args: cobra.ExactArgs(2),
		Long: `Keeps an address of a page, as the browser shows it behind the name of the machine, without what is usual there. What the page
would refuse is refused. A name that there is already is kept for what it has, unless --replace is given.`,
		Example: "  tocsin views save \"ssh, a day\" '/flows?where=destination.port+%3D%3D+22&since=24h'\n  tocsin views save grave '/alerts?severity=HIGH'",
	}
	c.Flags().BoolVar(&replace, "replace", false, "in place of the view of that name")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		kept, err := svc.PutView(ctx, api.ViewEdit{User: *user, Name: args[0], Address: args[1], Replace: replace})
		if err != nil {
			return err
		}
		if s.format == "json" {
			return writeJSON(s.Out, kept)
		}
		_, err = fmt.Fprintf(s.Out, "view %s: %s\n", clean(kept.Name), clean(kept.Address))
		return err
	})
	return c
}

func (s *shell) viewsRemove(user *string) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME...", Short: "Forget views", Example: "  tocsin views remove grave", Args: cobra.MinimumNArgs(1),
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return s.eachRemoved("view", args, func(name string) error { return svc.DeleteView(ctx, api.ViewRemoval{User: *user, Name: name}) })
		}),
	}
}
