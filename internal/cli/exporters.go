package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) exportersCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "exporters", Short: "List who sends flows, and how they do", Args: cobra.NoArgs,
		Long: `Lists every router, switch and probe that sent flows, with its protocols, the flows a second over the last minute, and what its
numbering says was sent and did not come. SKEW is by how much its clock is ahead. PROBLEMS are what could not be read, or not at
once, by reason. Behind the table stands what of each source was dropped or refused. What is counted is counted since tocsin started.`,
		Example: "  tocsin exporters\n  tocsin exporters -o json",
	}
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
		list, err := svc.Exporters(ctx)
		if err != nil {
			return err
		}
		columns := []column{{name: "address"}, {name: "source", spare: true}, {name: "protocols"}, {name: "state"}, {name: "last", time: true},
			{name: "flows", right: true}, {name: "rate", right: true}, {name: "lost", right: true}, {name: "templates", right: true},
			{name: "sampling", right: true}, {name: "skew", right: true}, {name: "problems", lazy: true}, {name: "interfaces", lazy: true, spare: true}}
		out := s.sheet(s.plus(columns, "name")...)
		for _, e := range list {
			if err := out.add(e, s.cells([]string{s.called(e.Name, e.Address), e.Source, strings.Join(e.Protocols, " "), exporterState(&e), s.instant(e.Last), strconv.FormatInt(e.Flows, 10),
				strconv.FormatFloat(e.Rate, 'f', 1, 64), strconv.FormatInt(e.Lost, 10), strconv.Itoa(e.Templates), strconv.FormatInt(e.Sampling, 10),
				e.ClockAhead(), problemsText(e.Problems), interfacesText(e.Interfaces)}, e.Name)...); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return errors.Join(out.end(), s.nothing("exporters"))
		}
		if err := out.end(); err != nil || s.format != "table" {
			return err
		}
		return s.overload(ctx, svc, list)
	})
	c.AddCommand(s.interfacesCommand())
	return c
}

// overload says what did not come from the exporters that are listed because tocsin was not fast enough, or refused it.
func (s *shell) overload(ctx context.Context, svc api.Service, list []api.Exporter) error {
	refused := int64(0)
	for i := range list {
		if list[i].Refused {
			refused += list[i].Datagrams
		}
	}
	if refused > 0 {
		s.say("%d datagrams of exporters that allow does not name were refused", refused)
	}
	h, err := svc.Health(ctx)
	if err != nil {
		return err
	}
	for _, source := range h.Sources {
		if slices.ContainsFunc(list, func(e api.Exporter) bool { return e.Source == source.Name }) {
			for _, why := range slices.Sorted(maps.Keys(source.Rejected)) {
				s.say("source %s: %s: %d", source.Name, why, source.Rejected[why])
			}
		}
	}
	return nil
}

func exporterState(e *api.Exporter) string {
	switch {
	case e.Refused:
		return "refused"
	case e.Silent:
		return "silent"
	default:
		return "heard"
	}
}

// interfacesText lists interfaces that have names, by number.
func interfacesText(list []api.NamedInterface) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = fmt.Sprintf("%d %s", n.Index, n.Name)
	}
	return strings.Join(parts, ", ")
}

// problemsText lists reasons with their counts.
func problemsText(problems map[string]int64) string {
	var list []string
	for _, why := range slices.Sorted(maps.Keys(problems)) {
		list = append(list, fmt.Sprintf("%s %d", why, problems[why]))
	}
	return strings.Join(list, ", ")
}
