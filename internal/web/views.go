package web

import (
	"cmp"
	"net/http"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// What the forms about views say.
const (
	keepView   = "keepview"
	removeView = "removeview"
)

// A viewsPage lists what somebody keeps.
type viewsPage struct {
	frame

	Views   []api.View
	Form    form
	Problem string
}

func (s *site) views(w http.ResponseWriter, r *http.Request) {
	s.viewsWith(w, r, http.StatusOK, form{})
}

func (s *site) viewsWith(w http.ResponseWriter, r *http.Request, code int, f form) {
	p := viewsPage{frame: s.frame(r, "Saved views", "/me"), Form: f}
	var err error
	if p.Views, err = s.Service.Views(r.Context(), ""); err != nil {
		p.Problem, code = s.explain(r, err), max(code, status(err))
	}
	s.show(w, code, "views.html", p)
}

// changeViews does what a form says: that of this page, or the one of a page that is to be kept, which it leads back to.
func (s *site) changeViews(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err == nil {
		name := strings.TrimSpace(f.Typed("name"))
		switch f.Act {
		case keepView:
			var kept api.View
			kept, err = s.Service.PutView(r.Context(), api.ViewEdit{Name: name, Address: f.Typed("address"), Replace: f.Typed("replace") != ""})
			if err == nil {
				to := cmp.Or(kept.Address, "/views")
				joint := "?"
				if strings.Contains(to, "?") {
					joint = "&"
				}
				http.Redirect(w, r, to+joint+"done="+keepView, http.StatusSeeOther)
				return
			}
		case removeView:
			err = s.Service.DeleteView(r.Context(), api.ViewRemoval{Name: name})
		default:
			err = fault.New(fault.Invalid, "act %q: want %s or %s", f.Act, keepView, removeView)
		}
	}
	if err == nil {
		again(w, r, "/views", f.Act)
		return
	}
	f.Problem = s.explain(r, err)
	s.viewsWith(w, r, status(err), f)
}
