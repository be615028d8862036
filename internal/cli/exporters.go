package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

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
		out := s.sheet(column{name: "address"}, column{name: "source", spare: true}, column{name: "protocols"}, column{name: "state"}, column{name: "last", time: true},
			column{name: "flows", right: true}, column{name: "rate", right: true}, column{name: "lost", right: true}, column{name: "templates", right: true},
			column{name: "sampling", right: true}, column{name: "skew", right: true}, column{name: "problems", lazy: true})
		for _, e := range list {
			if err := out.add(e, e.Address, e.Source, strings.Join(e.Protocols, " "), exporterState(&e), s.instant(e.Last), strconv.FormatInt(e.Flows, 10),
				strconv.FormatFloat(e.Rate, 'f', 1, 64), strconv.FormatInt(e.Lost, 10), strconv.Itoa(e.Templates), strconv.FormatInt(e.Sampling, 10),
				e.Skew.Round(100*time.Millisecond).String(), problemsText(e.Problems)); err != nil {
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

// problemsText lists reasons with their counts.
func problemsText(problems map[string]int64) string {
	var list []string
	for _, why := range slices.Sorted(maps.Keys(problems)) {
		list = append(list, fmt.Sprintf("%s %d", why, problems[why]))
	}
	return strings.Join(list, ", ")
}
