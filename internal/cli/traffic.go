package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

// trafficRanks are by what top ranks traffic, in one word.
var trafficRanks = []string{"bytes", "packets", "sessions", "ports", "hosts"}

// trafficEntity returns what a field of top is to a ranking of traffic.
func trafficEntity(name string) (string, bool) {
	name, known := map[string]string{
		"flow.host": "host", "flow.pair": "pair", "flow.port": "port", "flow.country": "country", "flow.client": "client", "flow.server": "server",
		"flow.as.number": "asn", "flow.group": "group", "flow.interface": "interface", "network.iana_number": "protocol", "network.transport": "protocol",
		"network.application": "application", "observer.ip": "exporter",
	}[name]
	return name, known
}

// trafficFlags are the options of top that rankings of traffic alone have.
type trafficFlags struct {
	sent, received, once, exact bool
	line                        string
}

func (f *trafficFlags) flags(c *cobra.Command) {
	c.Flags().BoolVar(&f.sent, "sent", false, "of traffic: what was sent, of sessions those initiated")
	c.Flags().BoolVar(&f.received, "received", false, "of traffic: what was received, of sessions those accepted")
	c.Flags().BoolVar(&f.once, "once", false, "of traffic: what several exporters tell of counts once")
	c.Flags().BoolVar(&f.exact, "exact", false, "of traffic: read every flow, also where hourly rollups tell sooner of bytes and packets")
	c.Flags().StringVar(&f.line, "line", "", "of traffic: a line over time for each row, in steps of this `length`")
}

// request makes the request of a ranking of traffic; false when top was asked for something else.
func (f *trafficFlags) request(q api.TopRequest, series string) (r api.TrafficRequest, ours bool, err error) {
	asked := f.sent || f.received || f.once || f.exact || f.line != ""
	if !slices.Contains(trafficRanks, q.Metric) {
		if asked {
			return r, false, usage("--sent, --received, --once, --exact and --line need --by %s", strings.Join(trafficRanks, ", "))
		}
		return r, false, nil
	}
	r = api.TrafficRequest{Rank: q.Metric, Where: q.Where, Since: q.Since, Until: q.Until, Limit: q.Limit, Once: f.once, Exact: f.exact}
	known := false
	if len(q.By) == 1 {
		r.By, known = trafficEntity(q.By[0])
	}
	switch {
	case !known:
		return r, true, usage("--by %s: want one of flow.host, flow.pair, flow.port, flow.country, flow.client, flow.server, flow.as.number, flow.group, flow.interface, network.transport, network.application and observer.ip", q.Metric)
	case f.sent && f.received:
		return r, true, usage("--sent and --received: want one of them; none is both")
	case q.Lowest || series != "" || len(q.Kinds) > 0 && !slices.Equal(q.Kinds, []string{"flow"}):
		return r, true, usage("--by %s: --lowest, --series and --kind do not go with it (a line over time is --line)", q.Metric)
	case f.sent:
		r.Side = "sent"
	case f.received:
		r.Side = "received"
	}
	if f.line != "" {
		if r.Bucket, err = api.ParseDuration(f.line); err != nil || r.Bucket == 0 {
			return r, true, usage("--line %q: want a length of time such as 1m, 1h or 1d", f.line)
		}
	}
	return r, true, nil
}

// traffic prints a ranking of traffic.
func (s *shell) traffic(ctx context.Context, svc api.Service, q api.TrafficRequest) error {
	a, err := svc.Traffic(ctx, q)
	if err != nil {
		return err
	}
	var columns []column
	for _, name := range a.By {
		columns = append(columns, column{name: name})
	}
	unique := q.Rank == "ports" || q.Rank == "hosts"
	if unique {
		columns = append(columns, column{name: q.Rank, right: true})
	}
	for _, name := range []string{"sent bytes", "received bytes", "sent packets", "received packets", "initiated", "accepted"} {
		columns = append(columns, column{name: name, right: true, spare: strings.HasSuffix(name, "packets")})
	}
	if q.Bucket > 0 {
		columns = append(columns, column{name: "line", cut: true})
	}
	out := s.sheet(s.plus(columns, heads(a.By)...)...)
	for i := range a.Rows {
		row := &a.Rows[i]
		cells, names := s.named(a.By, row.Values, row.Names)
		if unique {
			cells = append(cells, number(row.Value))
		}
		for _, n := range []uint64{row.SentBytes, row.ReceivedBytes, row.SentPackets, row.ReceivedPackets, row.Initiated, row.Accepted} {
			cells = append(cells, strconv.FormatUint(n, 10))
		}
		if q.Bucket > 0 {
			steps := make([]string, len(row.Line))
			for i, v := range row.Line {
				steps[i] = number(v)
			}
			cells = append(cells, strings.Join(steps, " "))
		}
		if err := out.add(row, s.cells(cells, names...)...); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	if len(a.Rows) == 0 {
		return s.nothing("flows found")
	}
	if s.format == "table" {
		more := ""
		if a.Others > 0 {
			more = ", " + strconv.Itoa(a.Others) + " more rows"
		}
		switch {
		case a.RolledHours > 0:
			more += fmt.Sprintf(", %d hours of it from rollups: sessions are upper limits (--exact counts them)", a.RolledHours)
			if a.Bound > 0 {
				more += fmt.Sprintf(", %s may be up to %d too low", q.Rank, a.Bound)
			}
		case a.Estimate:
			more += ", estimated"
		}
		if q.Bucket > 0 {
			more += ", steps of " + q.Bucket.String() + " from " + s.instant(a.Start)
		}
		s.say("%d sessions, %d packets, %d bytes%s", a.Sessions, a.Packets, a.Bytes, more)
	}
	return nil
}

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

// completeRanks lists by what top ranks: in one word where its field is one of traffic, and metrics.
func completeRanks(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	list, directive := completeMetrics(c, args, typed)
	if len(args) == 1 && !strings.Contains(typed, "(") {
		if _, ours := trafficEntity(args[0]); ours {
			list = append(slices.Clone(trafficRanks), list...)
		}
	}
	return list, directive
}

// completeTop lists fields, and the pair of hosts, which is none.
func completeTop(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	list, directive := completeFields(c, args, typed)
	if strings.HasPrefix("flow.pair", typed) {
		list = append(list, cobra.CompletionWithDesc("flow.pair", "tocsin: the two ends, flow.lower and flow.higher"))
	}
	return list, directive
}
