package logtrack

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"tocsin/internal/api"
)

// A burst is one alert as LogTrack tells it.
type burst struct {
	rule    string
	at      string
	message string
}

// timed leaves out logs whose time could not be read, which LogTrack skips.
const timed = `!like(tocsin.flags, "%no-time%")`

// evaluate judges all logs by one rule.
func evaluate(ctx context.Context, svc api.Service, e entry, zscore bool, now time.Time) ([]burst, error) {
	of := timed + " && service.name == " + strconv.Quote(e.Service)
	minutes := time.Duration(e.WindowMinutes) * time.Minute
	switch e.Type {
	case "keyword_threshold":
		return first(ctx, svc, window{where: of + " && " + said(like(e.Keyword)), over: minutes}, e,
			func(n int64, _ string) string { return fmt.Sprintf("Rule %s triggered with %d matches", e.ID, n) })
	case "repeated_message":
		return first(ctx, svc, window{where: timed + " && " + said(func(field string) string { return field + " == " + strconv.Quote(e.Message) }), over: minutes}, e,
			func(n int64, _ string) string {
				return fmt.Sprintf("Message '%s' repeated %d times in %dm", e.Message, n, e.WindowMinutes)
			})
	case "rate_spike":
		over := minutes
		if e.WindowSeconds > 0 {
			over = time.Duration(e.WindowSeconds) * time.Second
		}
		return first(ctx, svc, window{where: of, over: over}, e,
			func(n int64, _ string) string {
				return fmt.Sprintf("%s logged %d entries in %ds", e.Service, n, int64(over/time.Second))
			})
	case "user_threshold":
		where := timed + " && has(user.name) && " + said(like(e.Message))
		return first(ctx, svc, window{where: where, by: "user.name", over: minutes}, e,
			func(n int64, user string) string {
				return fmt.Sprintf("User '%s' triggered '%s' %d times in %dm", user, e.Message, n, e.WindowMinutes)
			})
	case "inactivity":
		return inactive(ctx, svc, e, of, now)
	case "zscore_anomaly":
		if zscore {
			return deviates(ctx, svc, e, of)
		}
	}
	return nil, nil
}

// said is a condition on what LogTrack calls the message: of CloudTrail the name of the event.
func said(condition func(field string) string) string {
	return `(event.dataset != "cloudtrail" && ` + condition("message") + ` || event.dataset == "cloudtrail" && ` + condition("event.action") + `)`
}

// like is the condition that a field has a text in it. % and _ in the text stand for others, as in SQL.
func like(text string) func(field string) string {
	return func(field string) string { return "like(" + field + ", " + strconv.Quote("%"+text+"%") + ")" }
}

// first makes a burst of each key's first.
func first(ctx context.Context, svc api.Service, w window, e entry, text func(n int64, key string) string) (bursts []burst, err error) {
	w.atLeast = 1
	if e.Threshold != nil {
		w.atLeast = int64(math.Max(1, math.Ceil(min(*e.Threshold, math.MaxInt32))))
	}
	hits, err := w.first(ctx, svc)
	if err != nil {
		return nil, err
	}
	for _, h := range hits {
		where := w.where
		if w.by != "" {
			where += " && " + w.by + " == " + strconv.Quote(h.key)
		}
		r, ok, err := one(ctx, svc, api.SearchRequest{Where: where, Since: h.at, Until: h.at.Add(time.Second), Oldest: true})
		if err != nil {
			return nil, err
		}
		at := h.at.Format(time.DateTime)
		if ok && r.Timestamp != nil {
			at = *r.Timestamp
		}
		bursts = append(bursts, burst{rule: e.ID, at: at, message: text(w.atLeast, h.key)})
	}
	return bursts, nil
}

// one returns the first log that q asks for.
func one(ctx context.Context, svc api.Service, q api.SearchRequest) (r record, found bool, err error) {
	q.Kinds, q.Limit = logs(), 1
	err = svc.Search(ctx, q, func(line json.RawMessage) error {
		found = true
		r, err = newRecord(line)
		return err
	})
	return r, found, err
}

// inactive fires when the newest log of a service is older than the limit.
func inactive(ctx context.Context, svc api.Service, e entry, where string, now time.Time) ([]burst, error) {
	newest, found, err := one(ctx, svc, api.SearchRequest{Where: where})
	if err != nil || !found || now.Sub(newest.at.Truncate(time.Second)) <= time.Duration(e.MaxIdleMinutes)*time.Minute {
		return nil, err
	}
	return []burst{{
		rule: e.ID, at: now.UTC().Format(time.DateTime),
		message: fmt.Sprintf("No logs from '%s' in the past %d minutes", e.Service, e.MaxIdleMinutes),
	}}, nil
}

// Defaults of a z-score rule.
const (
	zThreshold = 3
	zMinutes   = 5
	zBaseline  = 6
)

// deviates compares the window that ends with the newest log with those before it, by their population deviation.
func deviates(ctx context.Context, svc api.Service, e entry, where string) ([]burst, error) {
	newest, found, err := one(ctx, svc, api.SearchRequest{Where: where})
	if err != nil || !found {
		return nil, err
	}
	limit := 0.0
	for _, v := range []*float64{e.ZScoreThreshold, e.Threshold} {
		if v != nil && limit == 0 {
			limit = *v
		}
	}
	if limit == 0 {
		limit = zThreshold
	}
	baseline, minutes := zBaseline, int64(zMinutes)
	if e.BaselineWindows > 0 {
		baseline = e.BaselineWindows
	}
	if e.WindowMinutes > 0 {
		minutes = e.WindowMinutes
	}
	over, last := time.Duration(minutes)*time.Minute, newest.at.Truncate(time.Second)
	var counts []float64 // 0 is the window at hand
	for k := range baseline + 1 {
		until := last.Add(-time.Duration(k) * over).Add(time.Second) // both ends in whole seconds, as LogTrack keeps times
		a, err := svc.Top(ctx, api.TopRequest{Kinds: logs(), Where: where, Since: until.Add(-over), Until: until})
		if err != nil {
			return nil, err
		}
		counts = append(counts, float64(a.Events))
	}
	text, fires := zscore(e.Service, counts[0], counts[1:], limit)
	if !fires {
		return nil, nil
	}
	return []burst{{rule: e.ID, at: last.Format("2006-01-02T15:04:05-07:00"), message: text}}, nil
}

// zscore says whether the count at hand stands out of the baseline, and how LogTrack puts it.
func zscore(service string, current float64, baseline []float64, limit float64) (text string, fires bool) {
	sum, squares := 0.0, 0.0
	for _, n := range baseline {
		sum += n
	}
	mean := sum / float64(len(baseline))
	for _, n := range baseline {
		squares += (n - mean) * (n - mean)
	}
	deviation := math.Sqrt(squares / float64(len(baseline)))
	if deviation > 0 {
		z := (current - mean) / deviation
		return fmt.Sprintf("%s log volume spike detected (z=%.2f)", service, z), z >= limit
	}
	return fmt.Sprintf("%s log volume spike detected (std=0, count=%.0f, mean=%.1f)", service, current, mean), current > mean*limit
}
