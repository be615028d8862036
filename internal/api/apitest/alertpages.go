package apitest

import (
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// paging: alerts come in the order of their numbers or of their changes, page by page, none twice and none left out, and the
// zone of tocsin is told.
func paging(s *suite) {
	s.standing("192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1", "198.51.100.2")
	for name, next := range map[string]func(*api.AlertRequest, *alert.Alert){
		"by number": func(q *api.AlertRequest, last *alert.Alert) { q.SinceID = last.ID },
		"by change": func(q *api.AlertRequest, last *alert.Alert) { q.SinceChange = last.Change },
	} {
		q := api.AlertRequest{Limit: 2, Oldest: name == "by number"}
		if !q.Oldest {
			q.SinceChange = -1
		}
		seen, last, pages := map[string]bool{}, alert.Alert{}, 0
		for ; pages < 10; pages++ {
			page, err := s.Alerts(s.ctx, q)
			s.must("Alerts "+name, err)
			for i := range page {
				a := &page[i]
				if q.Oldest && a.ID <= last.ID || !q.Oldest && a.Change <= last.Change || seen[a.Entity.String()] {
					s.Errorf("Alerts %s: number %d, change %d behind number %d, change %d", name, a.ID, a.Change, last.ID, last.Change)
				}
				seen[a.Entity.String()], last = true, *a
			}
			if len(page) < q.Limit {
				break
			}
			next(&q, &last)
		}
		if len(seen) != 5 || pages != 2 {
			s.Errorf("Alerts %s: %d of 5 on %d full pages of 2", name, len(seen), pages)
		}
	}
	h, err := s.Health(s.ctx)
	s.must("Health", err)
	now := time.Now()
	if here := now.In(time.Local).Format(time.RFC3339); h.Zone == "" || now.In(h.Location()).Format(time.RFC3339) != here { //nolint:gosmopolitan // whose zone it is
		s.Errorf("Health tells the zone %q, in which it is %s, want %s", h.Zone, now.In(h.Location()).Format(time.RFC3339), here)
	}
}
