package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/naming"
)

func (s *shell) namesCommand() *cobra.Command {
	return group(&cobra.Command{Use: "names", Short: "What people call addresses, networks, exporters, interfaces and autonomous systems",
		Long: `Names are for showing: no event has them, so that a change holds for old events as well. KIND is address, network, exporter, interface
or as; KEY is 192.0.2.7, 192.0.2.0/24, the address of an exporter, 192.0.2.254#3 (exporter and SNMP index), or 64500. An address without
a name of its own goes by that of the smallest network around it.`},
		s.namesList(), s.namesOf(), s.namesSet(), s.namesRemove(), s.namesImport(), s.namesExport())
}

func (s *shell) namesList() *cobra.Command {
	return &cobra.Command{
		Use: "list [KIND [KEY]]", Short: "List names", Args: cobra.MaximumNArgs(2),
		Long:    "Lists names, those of a kind, or that of one thing.",
		Example: "  tocsin names list\n  tocsin names list network -o csv",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			var q api.NameRequest
			for i, into := range []*string{&q.Kind, &q.Key} {
				if i < len(args) {
					*into = args[i]
				}
			}
			list, err := svc.Names(ctx, q)
			if err != nil {
				return err
			}
			out := s.sheet(column{name: "kind"}, column{name: "key"}, column{name: "name"}, column{name: "changed", time: true}, column{name: "by"})
			for _, n := range list {
				if err := out.add(n, n.Kind, n.Key, n.Name, s.instant(n.Changed), n.By); err != nil {
					return err
				}
			}
			if len(list) == 0 {
				return errors.Join(out.end(), s.nothing("names"))
			}
			return out.end()
		}),
	}
}

func (s *shell) namesOf() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use: "of KEY...", Short: "Tell what is known of addresses: name, group, country, city and autonomous system", Args: cobra.MinimumNArgs(1),
		Long:    "Tells what is known of addresses now: names, the traffic group of those without ports, and what the databases say. With --kind it tells of other things.",
		Example: "  tocsin names of 192.0.2.7 2001:db8::7\n  tocsin names of --kind as 64500",
	}
	c.Flags().StringVar(&kind, "kind", api.NameAddress, "what they are: address, network, exporter, interface or as")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		var q api.NamesOfRequest
		for _, key := range args {
			q.Keys = append(q.Keys, api.NameKey{Kind: kind, Key: key})
		}
		list, err := svc.NamesOf(ctx, q)
		if err != nil {
			return err
		}
		out := s.sheet(column{name: "key"}, column{name: "name"}, column{name: "network", lazy: true}, column{name: "group", lazy: true}, column{name: "country", lazy: true},
			column{name: "city", lazy: true}, column{name: "as", lazy: true}, column{name: "organization", lazy: true})
		for _, n := range list {
			as := ""
			if n.AS != 0 {
				as = strconv.FormatUint(uint64(n.AS), 10)
			}
			if err := out.add(n, n.Key, n.Name, n.Network, n.Group, n.Country, n.City, as, n.Organization); err != nil {
				return err
			}
		}
		return out.end()
	})
	return c
}

func (s *shell) namesSet() *cobra.Command {
	return &cobra.Command{
		Use: "set KIND KEY NAME", Short: "Name something", Args: cobra.ExactArgs(3),
		Long: "Names something, or gives it another name.",
		Example: `  tocsin names set address 192.0.2.7 printer
  tocsin names set interface '192.0.2.254#3' "uplink to Example Net"
  tocsin names set as 64500 "Example Net"`,
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			saved, err := svc.PutNames(ctx, api.NamesEdit{Names: []api.NameEdit{{Kind: args[0], Key: args[1], Name: args[2]}}})
			if err != nil {
				return err
			}
			return s.savedNames(saved)
		}),
	}
}

func (s *shell) namesRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove KIND KEY...", Short: "Take names back", Args: cobra.MinimumNArgs(2),
		Long:    "Takes the names of things of one kind back: all of them or, where one has none, no name at all.",
		Example: "  tocsin names remove address 192.0.2.7 192.0.2.8",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			var q api.NamesRemoval
			for _, key := range args[1:] {
				q.Keys = append(q.Keys, api.NameKey{Kind: args[0], Key: key})
			}
			saved, err := svc.DeleteNames(ctx, q)
			if err != nil {
				return err
			}
			return s.savedNames(saved)
		}),
	}
}

func (s *shell) namesImport() *cobra.Command {
	var replace bool
	c := &cobra.Command{
		Use: "import FILE", Short: "Take the names of a file", Args: cobra.ExactArgs(1),
		Long: `Takes the names of a CSV file, as "names export" writes it: a line for each, with kind, key and name. All of them are taken or, where
anything is wrong, none. Blank lines and those that begin with # are skipped; - reads standard input.`,
		Example: "  tocsin names import names.csv",
	}
	c.Flags().BoolVar(&replace, "replace", false, "take back all names that the file does not have")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		q := api.NamesEdit{Replace: replace}
		err := s.readTable(args[0], func(in io.Reader) (err error) {
			q.Names, err = naming.ReadNames(args[0], in)
			return err
		})
		if err != nil {
			return err
		}
		saved, err := svc.PutNames(ctx, q)
		if err != nil {
			return refused(err)
		}
		return s.savedNames(saved)
	})
	return c
}

func (s *shell) savedNames(saved api.NamesSaved) error {
	if s.format == "json" {
		return writeJSON(s.Out, saved)
	}
	_, err := fmt.Fprintf(s.Out, "%d added, %d changed, %d as before, %d removed; %s\n", saved.Added, saved.Changed, saved.Same, saved.Removed, plural(int64(saved.Names), "name"))
	return err
}

func (s *shell) namesExport() *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Write all names as CSV", Args: cobra.NoArgs,
		Long:    "Writes all names as CSV, as \"names import\" reads them.",
		Example: "  tocsin names export > names.csv",
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			list, err := svc.Names(ctx, api.NameRequest{})
			if err != nil {
				return err
			}
			out := csv.NewWriter(s.Out)
			_ = out.Write([]string{"kind", "key", "name"}) // its errors are those of Flush
			for _, n := range list {
				_ = out.Write([]string{n.Kind, n.Key, n.Name})
			}
			out.Flush()
			return out.Error()
		}),
	}
}
