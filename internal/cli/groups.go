package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/naming"
)

func (s *shell) groupsCommand() *cobra.Command {
	return group(&cobra.Command{Use: "groups", Short: "Traffic groups: names for networks that events are given as they arrive",
		Long: `A traffic group is a name for addresses and networks, some of them with ports. Each side of an event is put into one group at most, by
the member that fits most closely: the smallest network, then the fewest ports, then one with a protocol. The group stands in
source.group and destination.group. A change holds for events that come from then on.`},
		s.groupsList(), s.groupsSet(), s.groupsRemove(), s.groupsImport(), s.groupsExport())
}

func (s *shell) groupsList() *cobra.Command {
	return &cobra.Command{
		Use: "list [NAME]", Short: "List traffic groups with their members", Args: cobra.MaximumNArgs(1),
		Long:    "Lists traffic groups, or one with all its members. READ-ONLY are those of the configuration.",
		Example: "  tocsin groups list\n  tocsin groups list office\n  tocsin groups list -o json",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			var q api.GroupRequest
			if len(args) == 1 {
				q.Name = args[0]
			}
			list, err := svc.Groups(ctx, q)
			if err != nil {
				return err
			}
			out := s.sheet(column{name: "name"}, column{name: "members", right: true}, column{name: "changed", time: true}, column{name: "by"}, column{name: "read-only"}, column{name: "member", cut: true})
			for _, g := range list {
				members := strings.Join(g.Members, " ")
				if s.format == "table" && q.Name == "" && len(g.Members) > 4 {
					members = strings.Join(g.Members[:4], " ") + " ..."
				}
				if err := out.add(g, g.Name, strconv.Itoa(len(g.Members)), s.instant(g.Changed), g.By, yesNo(g.ReadOnly), members); err != nil {
					return err
				}
			}
			if len(list) == 0 {
				return errors.Join(out.end(), s.nothing("traffic groups"))
			}
			return out.end()
		}),
	}
}

func (s *shell) groupsSet() *cobra.Command {
	return &cobra.Command{
		Use: "set NAME MEMBER...", Short: "Make a traffic group, or give one other members", Args: cobra.MinimumNArgs(2),
		Long: `Makes a traffic group of the members that are named, in place of those that it has. A member is a network or an address, with a port or
several, and a protocol, where it is for those alone.`,
		Example: `  tocsin groups set office 10.0.0.0/8 2001:db8::/32
  tocsin groups set web 192.0.2.7:443/tcp 192.0.2.0/24:8000-8999 '[2001:db8::7]:443'`,
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			saved, err := svc.PutGroups(ctx, api.GroupsEdit{Groups: []api.GroupEdit{{Name: args[0], Members: args[1:]}}})
			if err != nil {
				return err
			}
			return s.savedGroups(saved)
		}),
	}
}

func (s *shell) groupsRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME...", Short: "Remove traffic groups", Args: cobra.MinimumNArgs(1),
		Long:    "Removes traffic groups. Events that were put into them stay so.",
		Example: "  tocsin groups remove office",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return s.eachRemoved("group", args, func(name string) error { return svc.DeleteGroup(ctx, name) })
		}),
	}
}

// eachRemoved removes things of a kind one after the other and says of each what became of it.
func (s *shell) eachRemoved(kind string, names []string, remove func(name string) error) error {
	failed := false
	for _, name := range names {
		if err := remove(name); err != nil {
			failed = true
			s.say("tocsin: %s", printable(err.Error()))
			continue
		}
		if _, err := fmt.Fprintf(s.Out, "%s %s: removed\n", kind, clean(name)); err != nil {
			return err
		}
	}
	if failed {
		return errQuiet
	}
	return nil
}

func (s *shell) groupsImport() *cobra.Command {
	var replace bool
	c := &cobra.Command{
		Use: "import FILE", Short: "Make the traffic groups of a file", Args: cobra.ExactArgs(1),
		Long: `Makes the groups of a CSV file, as "groups export" writes it: a line for each member, with the name of its group in front. All of them
are made or, where anything is wrong, none. Blank lines and those that begin with # are skipped; - reads standard input.`,
		Example: "  tocsin groups import groups.csv\n  tocsin groups export | ssh other tocsin groups import --replace -",
	}
	c.Flags().BoolVar(&replace, "replace", false, "remove all groups that the file does not name")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		q := api.GroupsEdit{Replace: replace}
		err := s.readTable(args[0], func(in io.Reader) (err error) {
			q.Groups, err = naming.ReadGroups(args[0], in)
			return err
		})
		if err != nil {
			return err
		}
		saved, err := svc.PutGroups(ctx, q)
		if err != nil {
			return refused(err)
		}
		return s.savedGroups(saved)
	})
	return c
}

func (s *shell) savedGroups(saved api.GroupsSaved) error {
	if s.format == "json" {
		return writeJSON(s.Out, saved)
	}
	_, err := fmt.Fprintf(s.Out, "%d added, %d changed, %d as before, %d removed; %s with %s\n", saved.Added, saved.Changed, saved.Same, saved.Removed,
		plural(int64(saved.Groups), "group"), plural(int64(saved.Members), "member"))
	return err
}

func (s *shell) groupsExport() *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Write all traffic groups as CSV", Args: cobra.NoArgs,
		Long:    "Writes the groups that can be changed as CSV, a line for each member, as \"groups import\" reads them. Those of the configuration stand there.",
		Example: "  tocsin groups export > groups.csv",
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			list, err := svc.Groups(ctx, api.GroupRequest{})
			if err != nil {
				return err
			}
			out := csv.NewWriter(s.Out)
			_ = out.Write([]string{"group", "member"}) // its errors are those of Flush
			for _, g := range list {
				for _, m := range g.Members {
					if !g.ReadOnly {
						_ = out.Write([]string{g.Name, m})
					}
				}
			}
			out.Flush()
			return out.Error()
		}),
	}
}

// readTable has a file that is imported read, or standard input for "-". What is wrong with it is no wrong usage.
func (s *shell) readTable(path string, read func(io.Reader) error) error {
	in := s.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return refused(err)
		}
		defer func() { _ = f.Close() }() // read only
		in = f
	}
	return refused(read(in))
}
