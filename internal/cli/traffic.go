package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

// trafficRanks are by what top ranks traffic, in one word.
var trafficRanks = []string{"bytes", "packets", "sessions", "ports", "hosts"}

// trafficFields are what top ranks traffic of.
const trafficFields = "flow.host, flow.pair, flow.port, flow.country, flow.client, flow.server, flow.as.number, flow.group, flow.interface, network.transport, network.application and observer.ip"

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
	known := false
	if len(q.By) == 1 {
		r.By, known = trafficEntity(q.By[0])
	}
	switch {
	case slices.Contains(trafficRanks, q.Metric):
	case asked:
		return r, false, usage("--sent, --received, --once, --exact and --line need --by %s", strings.Join(trafficRanks, ", "))
	case known && q.Metric != "count" && !strings.Contains(q.Metric, "("):
		return r, true, usage("--by %q: want one of %s, or a metric such as count, sum(FIELD) or distinct(FIELD)", q.Metric, strings.Join(trafficRanks, ", "))
	default:
		return r, false, nil
	}
	r = api.TrafficRequest{By: r.By, Rank: q.Metric, Where: q.Where, Since: q.Since, Until: q.Until, Limit: q.Limit, Once: f.once, Exact: f.exact}
	switch {
	case !known && len(q.By) > 0:
		return r, true, usage("--by %s of %s: want one of %s", q.Metric, strings.Join(q.By, " "), trafficFields)
	case !known:
		return r, true, usage("--by %s: want one of %s", q.Metric, trafficFields)
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
		for c := range cells {
			if cells[c] == "" && s.format == "table" {
				cells[c] = "unknown"
			}
		}
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
		s.trafficInAll(q, &a)
	}
	return nil
}

// trafficInAll says behind a ranking what all comes to, and how exact that is.
func (s *shell) trafficInAll(q api.TrafficRequest, a *api.TrafficAnswer) {
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
