package cli

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) topCommand() *cobra.Command {
	var q api.TopRequest
	var when span
	var series string
	var flows trafficFlags
	c := &cobra.Command{
		Use:   "top [FIELD...]",
		Short: "Rank the values of fields, or draw a line over time",
		Long: `Ranks the values of one field, or of several together, by a metric: count, sum(FIELD), min(FIELD), max(FIELD), avg(FIELD),
distinct(FIELD), quantile(FIELD, 0.95). Without a field there is one total. With --series each bucket of time has rows of its own.

Traffic is ranked in one word: --by bytes, packets, sessions, ports or hosts of flow.host, flow.pair, flow.port, flow.country,
flow.client, flow.server, flow.as.number, flow.group, flow.interface, network.transport, network.application or observer.ip tells
of each what it sent and received and its sessions. Long flows are credited to the range of time by their share of it.`,
		Example: `  tocsin top source.ip --by 'sum(http.response.bytes)' --where 'http.response.status_code == 200'
  tocsin top url.path --limit 20 --since 1d
  tocsin top http.response.status_code --series=5m --since 2h -o csv
  tocsin top flow.host --by bytes --sent --since 1h
  tocsin top flow.pair --by ports --where 'flowtraq: SRVPORT < 1024' --since 5h --limit 5`,
		ValidArgsFunction: completeTop,
	}
	c.Flags().StringVar(&q.Metric, "by", "count", "`metric` to rank by")
	c.Flags().StringVar(&q.Where, "where", "", "only events that this `filter` selects")
	c.Flags().StringSliceVar(&q.Kinds, "kind", nil, "only these `kinds`: login, flow, log, sighting")
	c.Flags().IntVar(&q.Limit, "limit", 10, "at most so many values")
	c.Flags().BoolVar(&q.Lowest, "lowest", false, "lowest first")
	c.Flags().StringVar(&series, "series", "", "a line over time, in buckets of this `length`: 1m, 1h, 1d")
	c.Flags().Lookup("series").NoOptDefVal = "1h"
	when.flags(c)
	flows.flags(c)
	must(c.RegisterFlagCompletionFunc("kind", completeKinds))
	must(c.RegisterFlagCompletionFunc("where", completeFilter))
	must(c.RegisterFlagCompletionFunc("by", completeRanks))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) (err error) {
		if last := len(args) - 1; last >= 0 && c.Flags().Changed("series") { // "--series 5m", which to cobra are two words
			if _, err := api.ParseDuration(args[last]); err == nil {
				series, args = args[last], args[:last]
			}
		}
		q.By = args
		if q.By == nil {
			q.By = []string{}
		}
		if err := checkLimit(q.Limit, false); err != nil {
			return err
		}
		if q.Since, q.Until, err = when.times(s.Zone); err != nil {
			return err
		}
		if traffic, ours, err := flows.request(q, series); ours || err != nil {
			if err != nil {
				return err
			}
			return s.traffic(ctx, svc, traffic)
		}
		if series != "" {
			if q.Bucket, err = api.ParseDuration(series); err != nil || q.Bucket == 0 {
				return usage("--series %q: want a length of time such as 1m, 1h or 1d", series)
			}
		}
		a, err := svc.Top(ctx, q)
		if err != nil {
			return err
		}
		return s.ranking(q, a)
	})
	return c
}

// A rankingRow is one line of -o json.
type rankingRow struct {
	Time   *time.Time        `json:"time,omitempty"`
	Values map[string]string `json:"values"`
	Metric string            `json:"metric"`
	Value  json.Number       `json:"value"`
	Names  map[string]string `json:"names,omitempty"` // of those values that have one, by field
}

// ranking prints what top found.
func (s *shell) ranking(q api.TopRequest, a api.TopAnswer) error {
	var columns []column
	if q.Bucket > 0 {
		columns = append(columns, column{name: "time"})
	}
	for _, name := range a.By {
		columns = append(columns, column{name: name})
	}
	out := s.sheet(s.plus(append(columns, column{name: a.Metric, right: true}), heads(a.By)...)...)
	for _, row := range a.Rows {
		line := rankingRow{Values: map[string]string{}, Metric: a.Metric, Value: json.Number(number(row.Value))}
		var cells []string
		if q.Bucket > 0 {
			line.Time = &row.Time
			cells = append(cells, s.instant(row.Time))
		}
		for i, field := range a.By {
			if i < len(row.Values) {
				line.Values[field] = row.Values[i]
			}
			if i < len(row.Names) && row.Names[i] != "" {
				if line.Names == nil {
					line.Names = map[string]string{}
				}
				line.Names[field] = row.Names[i]
			}
		}
		shown, names := s.named(a.By, row.Values, row.Names)
		if err := out.add(line, s.cells(append(append(cells, shown...), number(row.Value)), names...)...); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	if len(a.Rows) == 0 {
		return s.nothing("events found")
	}
	if s.format == "table" {
		more := ""
		if a.Others > 0 {
			more = ", " + strconv.Itoa(a.Others) + " more values"
		}
		if a.Estimate {
			more += ", estimated"
		}
		s.say("%d events%s", a.Events, more)
	}
	return nil
}

// number writes a number with no more digits than it has.
func number(v float64) string {
	if v == float64(int64(v)) && v < 1e15 && v > -1e15 {
		return strconv.FormatInt(int64(v), 10)
	}
	if a := math.Abs(v); a >= 1e5 && a < 1e15 { // whose fraction says nothing any more
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// instant writes a time: for people in their zone, to the second or as exact as it is; in CSV as RFC 3339 in UTC; "" for
// none.
func (s *shell) instant(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case s.format == "csv":
		return t.UTC().Format(time.RFC3339Nano)
	default:
		return t.In(s.Zone).Format("2006-01-02 15:04:05.999")
	}
}
