package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
)

// actOnAlerts does to the selected alerts what the form of the list says.
func (s *site) actOnAlerts(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	picked := map[int64]bool{}
	if err == nil {
		err = s.actOnAll(r, f, picked)
	}
	if err == nil {
		to := bookmark.ReadAlerts(r.URL.Query()).Address("/alerts")
		joint := "?"
		if strings.Contains(to, "?") {
			joint = "&"
		}
		http.Redirect(w, r, to+joint+"done="+f.Act+"&n="+strconv.Itoa(len(f.Values["id"])), http.StatusSeeOther)
		return
	}
	f.Problem = s.explain(r, err)
	s.alertsWith(w, r, status(err), f, picked)
}

// actOnAll does what a form says to each alert that it names. Those of which it fails are left in picked.
func (s *site) actOnAll(r *http.Request, f form, picked map[int64]bool) error {
	ids := f.Values["id"]
	switch {
	case len(ids) == 0:
		return fault.New(fault.Invalid, "select the alerts first")
	case len(ids) > maxPicks:
		return fault.New(fault.Invalid, "%d alerts are selected: want %d at most", len(ids), maxPicks)
	}
	now := time.Now()
	var wrong []error
	for _, id := range ids {
		err := s.act(r, id, f, now)
		if err == nil {
			continue
		}
		if n, bad := strconv.ParseInt(id, 10, 64); bad == nil {
			picked[n] = true
		}
		wrong = append(wrong, err)
	}
	if len(wrong) == 0 {
		return nil
	}
	const told = 5
	more := ""
	if len(wrong) > told {
		more = fmt.Sprintf("; and %d more", len(wrong)-told)
		wrong = wrong[:told]
	}
	texts := make([]string, len(wrong))
	for i, err := range wrong {
		texts[i] = err.Error()
	}
	return fault.New(cmp.Or(fault.Kind(errors.Join(wrong...)), fault.Unavailable), "%d of %d done. %s%s", len(ids)-len(picked), len(ids), strings.Join(texts, "; "), more)
}
