package cli

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) sessionsCommand() *cobra.Command {
	var q api.SessionRequest
	when := span{}
	c := &cobra.Command{
		Use: "sessions", Short: "List sessions of flows, with what both ends sent", Args: cobra.NoArgs,
		Long: `Lists the sessions that flows tell of, those that began last first. The filter is tocsin's own, by which a session is found
when any of its flows is, or FlowTraq's, behind "flowtraq:", which judges whole sessions. Bytes and packets are those within the
range of time. A session that began before it is listed as well, from the first flow that lies in it.`,
		Example: `  tocsin sessions --since 1h --where 'related.ip == "192.0.2.7"'
  tocsin sessions --order bytes --limit 20 --where 'flowtraq: SRVPORT == 22 && TOTBYTS > 1000000'
  tocsin sessions --since 1d --limit -1 -o csv > sessions.csv`,
	}
	c.Flags().StringVar(&q.Where, "where", "", "only sessions that this `filter` selects")
	c.Flags().IntVar(&q.Limit, "limit", 100, "at most so many; -1: all")
	c.Flags().BoolVar(&q.Oldest, "oldest", false, "oldest first")
	c.Flags().StringVar(&q.Order, "order", "time", "what comes first: `time`, bytes or packets")
	c.Flags().BoolVar(&q.Once, "once", false, "what several exporters tell of counts once")
	when.flags(c)
	must(c.Flags().Set("since", "15m"))
	c.Flags().Lookup("since").DefValue, c.Flags().Lookup("since").Changed = "15m", false
	must(c.RegisterFlagCompletionFunc("where", completeFilter))
	must(c.RegisterFlagCompletionFunc("order", cobra.FixedCompletions([]string{"time", "bytes", "packets"}, cobra.ShellCompDirectiveNoFileComp)))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) (err error) {
		if err := checkLimit(q.Limit, true); err != nil {
			return err
		}
		if !slices.Contains([]string{"time", "bytes", "packets"}, q.Order) {
			return usage("--order %q: want time, bytes or packets", q.Order)
		}
		if q.Since, q.Until, err = when.times(s.Zone); err != nil {
			return err
		}
		a, err := svc.FlowSessions(ctx, q)
		if err != nil {
			return err
		}
		return s.sessions(&a)
	})
	return c
}

// sessions prints sessions.
func (s *shell) sessions(a *api.SessionAnswer) error {
	right, lazy := func(name string) column { return column{name: name, right: true} }, func(name string) column { return column{name: name, lazy: true, spare: true} }
	columns := []column{{name: "start", time: true}, {name: "end", time: true, spare: true}, {name: "client"}, right("client port"), {name: "server"}, right("server port"),
		{name: "protocol"}, right("client bytes"), right("server bytes"), right("client packets"), right("server packets"),
		lazy("client country"), lazy("client as"), lazy("client group"), lazy("server country"), lazy("server as"), lazy("server group"), lazy("application")}
	out := s.sheet(s.plus(columns, "client name", "server name")...)
	for i := range a.Rows {
		row := &a.Rows[i]
		cells := []string{s.instant(row.Start), s.instant(row.End)}
		for _, e := range []*api.SessionEnd{&row.Client, &row.Server} {
			cells = append(cells, s.called(e.Name, hostText(e.IP)), portText(e.Port))
		}
		cells = append(cells, protocolText(row))
		for _, n := range []uint64{row.Client.Bytes, row.Server.Bytes, row.Client.Packets, row.Server.Packets} {
			cells = append(cells, strconv.FormatUint(n, 10))
		}
		for _, e := range []*api.SessionEnd{&row.Client, &row.Server} {
			system := ""
			if e.ASN > 0 {
				system = strconv.FormatUint(e.ASN, 10)
			}
			cells = append(cells, e.Country, system, e.Group)
		}
		if err := out.add(row, s.cells(append(cells, row.App), row.Client.Name, row.Server.Name)...); err != nil {
			return err
		}
	}
	if len(a.Rows) == 0 {
		return errors.Join(out.end(), s.nothing("sessions found"))
	}
	if err := out.end(); err != nil {
		return err
	}
	if s.format == "table" {
		s.say("%d sessions, %d packets, %d bytes", a.Sessions, a.Packets, a.Bytes)
	}
	return nil
}

// hostText writes an address, "" for one that nobody told.
func hostText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

func portText(port int) string {
	if port < 0 {
		return ""
	}
	return strconv.Itoa(port)
}

// protocolText is the keyword of the protocol of a session, or its number.
func protocolText(row *api.TrafficSession) string {
	if row.Transport != "" || row.Protocol < 0 {
		return row.Transport
	}
	return strconv.Itoa(row.Protocol)
}
