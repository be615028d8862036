package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) interfacesCommand() *cobra.Command {
	var q api.InterfaceRequest
	c := &cobra.Command{
		Use: "interfaces [EXPORTER]", Short: "List interfaces of exporters: state, rates and errors", Args: cobra.MaximumNArgs(1),
		Long: `Lists the interfaces that exporters tell of by counter samples of sFlow: of all, or of one by its address or its name.
STATE is off where an interface is switched off. IN and OUT are bits a second between the last two samples, IN % and OUT % what
part of the speed that is. ERRORS and DISCARDS count packets since the interface was heard first. What is not known is empty.`,
		Example: "  tocsin exporters interfaces\n  tocsin exporters interfaces 192.0.2.1 -o json",
	}
	c.Flags().IntVar(&q.Limit, "limit", api.DefaultInterfaces, "show at most this many, "+strconv.Itoa(api.MostInterfaces)+" at most")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		if len(args) > 0 {
			q.Exporter = args[0]
		}
		answer, err := svc.Interfaces(ctx, q)
		if err != nil {
			return err
		}
		number := func(name string) column { return column{name: name, right: true} }
		spare := func(name string) column { return column{name: name, right: true, spare: true} }
		columns := []column{{name: "exporter"}, {name: "agent", lazy: true}, number("index"), {name: "name", lazy: true}, {name: "state"}, number("speed"),
			number("in"), number("out"), number("in %"), number("out %"), spare("in packets"), spare("out packets"), number("in errors"), number("out errors"),
			spare("in discards"), spare("out discards"), {name: "last", time: true, spare: true}}
		out := s.sheet(s.plus(columns, "label", "duplex", "seconds")...)
		for i := range answer.Interfaces {
			n := &answer.Interfaces[i]
			name := n.Name
			if name == "" && s.format != "csv" {
				name = n.Label
			}
			if err := out.add(n, s.cells([]string{s.called(n.ExporterName, n.Exporter), n.Agent, strconv.FormatUint(uint64(n.Index), 10), name, interfaceState(n),
				s.speed(n.Speed), s.bits(n.In.Bits), s.bits(n.Out.Bits), figure(n.In.Utilisation), figure(n.Out.Utilisation), figure(n.In.Packets), figure(n.Out.Packets),
				tally(n.In.TotalErrors), tally(n.Out.TotalErrors), tally(n.In.TotalDiscards), tally(n.Out.TotalDiscards), s.instant(n.Last)},
				n.Label, n.Duplex, strconv.FormatFloat(n.Over.Seconds(), 'f', -1, 64))...); err != nil {
				return err
			}
		}
		if len(answer.Interfaces) == 0 {
			return errors.Join(out.end(), s.nothing("interfaces: no exporter sends counter samples of sFlow"))
		}
		if err := out.end(); err != nil {
			return err
		}
		if answer.More > 0 {
			s.say("%d more interfaces (--limit)", answer.More)
		}
		return nil
	})
	return c
}

// interfaceState is what an interface is, in a word: off where it is meant to be down.
func interfaceState(n *api.Interface) string {
	if n.Admin == "down" {
		return "off"
	}
	return n.State
}

// bits writes a rate: for people as in 93.4M, for programs in full.
func (s *shell) bits(v *float64) string {
	switch {
	case v == nil:
		return ""
	case s.format == "csv":
		return strconv.FormatFloat(*v, 'f', 0, 64)
	}
	n, unit := *v, 0
	for n >= 999.95 && unit < 4 {
		n, unit = n/1000, unit+1
	}
	return strconv.FormatFloat(n, 'f', min(unit, 1), 64) + [...]string{"", "k", "M", "G", "T"}[unit]
}

// speed writes the speed of an interface; "" where it is not told.
func (s *shell) speed(v uint64) string {
	if v == 0 {
		return ""
	}
	n := float64(v)
	return strings.Replace(s.bits(&n), ".0", "", 1)
}

func figure(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', 1, 64)
}

func tally(v *uint64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatUint(*v, 10)
}
