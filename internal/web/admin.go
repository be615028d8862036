package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A noticesPage lists what people were told, or not and why.
type noticesPage struct {
	frame

	Notices      []api.AlertNotice
	State, Older string
	States       []string
	Problem      string
	Form         form
}

// noticeRows is how many notices a page lists.
const noticeRows = 50

func (s *site) notices(w http.ResponseWriter, r *http.Request) {
	s.noticesWith(w, r, http.StatusOK, form{})
}

func (s *site) noticesWith(w http.ResponseWriter, r *http.Request, code int, f form) {
	query := r.URL.Query()
	p := noticesPage{frame: s.frame(r, "Notices", "/notices"), Form: f, State: query.Get("state"), States: []string{"dead", "pending", "held", "sent", "bundled", "muted", "all"}}
	if p.State == "" {
		p.State = "dead"
	}
	q := api.NoticeRequest{State: p.State, Limit: noticeRows}
	if q.State == "all" {
		q.State = ""
	}
	var err error
	if text := query.Get("before"); text != "" {
		if q.Before, err = strconv.ParseInt(text, 10, 64); err != nil {
			err = fault.New(fault.Invalid, "before: got %q, want the number of a notice", text)
		}
	}
	if err == nil {
		p.Notices, err = s.Service.Notices(r.Context(), q)
	}
	if err != nil {
		p.Problem, code = s.explain(r, err), max(code, status(err))
	}
	if len(p.Notices) == noticeRows {
		p.Older = "/notices?state=" + url.QueryEscape(p.State) + "&before=" + strconv.FormatInt(p.Notices[noticeRows-1].ID, 10)
	}
	s.show(w, code, "notices.html", p)
}

// sendNotices sends again what was given up and selected.
func (s *site) sendNotices(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	var q api.NoticesAgain
	for _, text := range f.Values["id"] {
		id, bad := strconv.ParseInt(text, 10, 64)
		if bad != nil {
			err = fault.New(fault.Invalid, "notice %q: want its number", text)
		}
		q.IDs = append(q.IDs, id)
	}
	if err == nil && len(q.IDs) == 0 {
		err = fault.New(fault.Invalid, "select the notices first")
	}
	if err == nil {
		_, err = s.Service.SendNotices(r.Context(), q)
	}
	if err == nil {
		again(w, r, "/notices", "sent")
		return
	}
	f.Problem = s.explain(r, err)
	s.noticesWith(w, r, status(err), f)
}

// A usersPage lists accounts and changes them.
type usersPage struct {
	frame

	Users   []api.User
	Problem string
	Form    form
}

func (s *site) users(w http.ResponseWriter, r *http.Request) {
	s.usersWith(w, r, http.StatusOK, form{})
}

func (s *site) usersWith(w http.ResponseWriter, r *http.Request, code int, f form) {
	p := usersPage{frame: s.frame(r, "Users", "/users"), Form: f}
	var err error
	if p.Users, err = s.Service.Users(r.Context()); err != nil {
		s.refuse(w, r, "/", err)
		return
	}
	s.show(w, code, "users.html", p)
}

// changeUsers does what a form of the page says.
func (s *site) changeUsers(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err == nil {
		err = s.changeUser(r, f)
	}
	if err == nil {
		again(w, r, "/users", f.Act)
		return
	}
	f.Problem = s.explain(r, err)
	f.Values.Del("password") // is never sent back
	s.usersWith(w, r, status(err), f)
}

func (s *site) changeUser(r *http.Request, f form) error {
	name := strings.TrimSpace(f.Typed("name"))
	if name == "" {
		return fault.New(fault.Invalid, "name: want that of an account")
	}
	switch ctx := r.Context(); f.Act {
	case "adduser":
		return s.Service.PutUser(ctx, api.UserEdit{Name: name, Password: f.Typed("password"), Admin: f.Typed("admin") != "", Create: true})
	case "password":
		return s.Service.PutUser(ctx, api.UserEdit{Name: name, Password: f.Typed("password")})
	case "promote", "demote":
		return s.Service.SetRole(ctx, name, f.Act == "promote")
	case "disable", "enable":
		return s.Service.DisableUser(ctx, name, f.Act == "disable")
	case "filter":
		return s.Service.FilterUser(ctx, name, strings.TrimSpace(f.Typed("filter")))
	case "logout":
		_, err := s.Service.LogOutUser(ctx, name)
		return err
	case "delete":
		return s.Service.DeleteUser(ctx, api.UserRemoval{Name: name, To: strings.TrimSpace(f.Typed("to"))})
	default:
		return fault.New(fault.Invalid, "act %q: want adduser, password, promote, demote, disable, enable, filter, logout or delete", f.Act)
	}
}

// An auditPage lists who changed what.
type auditPage struct {
	frame

	Lines              []api.AuditLine
	Who, What, Subject string
	Problem, More      string
}

// auditRows is how many lines a page lists.
const auditRows = 200

func (s *site) audit(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	p := auditPage{frame: s.frame(r, "Audit", "/audit"), Who: query.Get("user"), What: query.Get("what"), Subject: query.Get("subject")}
	lines, err := s.Service.Audit(r.Context(), api.AuditRequest{User: p.Who, What: p.What, Subject: p.Subject, Limit: auditRows})
	code := http.StatusOK
	if err != nil {
		p.Problem, code = s.explain(r, err), status(err)
	}
	p.Lines = lines
	if len(lines) == auditRows {
		p.More = "These are the newest. tocsin audit list shows all."
	}
	s.show(w, code, "audit.html", p)
}
