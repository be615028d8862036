package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// newest stands for the number of the newest result in a path.
const newest = "last"

// A runBody says what is to become of the result of a report that is run now.
type runBody struct {
	Mail bool `json:"mail,omitempty"` // send it as well
}

// reportRoutes are those about the reports of users.
func (s *Server) reportRoutes() []route {
	var routes []route
	for _, p := range people() {
		all, one := p.path+"/reports", p.path+"/reports/{report}"
		routes = append(routes,
			route{method: "GET", path: all, op: permission.ListReports, handle: s.getReports, out: []api.Report{},
				doc: "Lists the reports of " + p.whose + ": questions of pages that are asked on a schedule, by name."},
			route{method: "POST", path: all, op: permission.ChangeReport, handle: s.postReport, in: api.ReportEdit{}, out: api.Report{},
				doc: "Sets up a report for " + p.whose + "."},
			route{method: "DELETE", path: one, op: permission.ChangeReport, handle: s.deleteReport,
				doc: "Removes a report of " + p.whose + " with its results."},
			route{method: "POST", path: one + "/run", op: permission.RunReport, handle: s.runReport, in: runBody{}, out: api.ReportResult{},
				doc: "Asks the question of a report of " + p.whose + " now, and keeps the result."},
			route{method: "GET", path: one + "/results", op: permission.ListReports, handle: s.getResults, out: []api.ReportResult{},
				doc: "Lists the results of a report of " + p.whose + " without their rows, the newest first."},
			route{method: "GET", path: one + "/results/{id}", op: permission.ListReports, handle: s.getResult, out: api.ReportResult{},
				doc: "Shows a result of a report of " + p.whose + ", by its number, or the newest, which last is."},
			route{method: "DELETE", path: one + "/results/{id}", op: permission.ChangeReport, handle: s.deleteResult,
				doc: "Removes a result of a report of " + p.whose + "."})
	}
	return routes
}

func (s *Server) getReports(w *response, r *http.Request) error {
	list, err := s.service.Reports(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return w.answer(list)
}

func (s *Server) postReport(w *response, r *http.Request) (err error) {
	var q api.ReportEdit
	if err := decodeJSON(w, r, &q); err != nil {
		return err
	}
	if q.User, err = whose(r, q.User); err != nil {
		return err
	}
	kept, err := s.service.PutReport(r.Context(), q)
	if err != nil {
		return err
	}
	return w.answer(kept)
}

// reportRef names the report of a path.
func reportRef(r *http.Request) api.ReportRef {
	return api.ReportRef{User: r.PathValue("name"), Name: r.PathValue("report")}
}

func (s *Server) deleteReport(w *response, r *http.Request) error {
	if err := s.service.DeleteReport(r.Context(), reportRef(r)); err != nil {
		return err
	}
	return w.answer(nil)
}

func (s *Server) runReport(w *response, r *http.Request) error {
	var body runBody
	if err := decodeJSON(w, r, &body); err != nil {
		return err
	}
	made, err := s.service.RunReport(r.Context(), api.ReportRun{User: r.PathValue("name"), Name: r.PathValue("report"), Mail: body.Mail})
	if err != nil {
		return err
	}
	return w.answer(made)
}

func (s *Server) getResults(w *response, r *http.Request) error {
	list, err := s.service.ReportResults(r.Context(), reportRef(r))
	if err != nil {
		return err
	}
	return w.answer(list)
}

// resultRef names the result of a path.
func resultRef(r *http.Request) (api.ResultRef, error) {
	q := api.ResultRef{User: r.PathValue("name"), Report: r.PathValue("report")}
	text := r.PathValue("id")
	if text == newest {
		return q, nil
	}
	var err error
	if q.ID, err = strconv.ParseInt(text, 10, 64); err != nil || q.ID <= 0 {
		return q, fault.New(fault.Invalid, "result %.40q: want its number, or last", text)
	}
	return q, nil
}

func (s *Server) getResult(w *response, r *http.Request) error {
	q, err := resultRef(r)
	if err != nil {
		return err
	}
	found, err := s.service.ReportResult(r.Context(), q)
	if err != nil {
		return err
	}
	return w.answer(found)
}

func (s *Server) deleteResult(w *response, r *http.Request) error {
	q, err := resultRef(r)
	if err != nil {
		return err
	}
	if err := s.service.DeleteReportResult(r.Context(), q); err != nil {
		return err
	}
	return w.answer(nil)
}

// reportPath is where a report is.
func reportPath(user, name, behind string) (string, error) {
	path, err := person(user, "/reports/")
	if err != nil {
		return "", err
	}
	part, err := segment(name)
	return path + part + behind, err
}

// resultPath is where a result is.
func resultPath(q api.ResultRef) (string, error) {
	number := newest
	if q.ID != 0 {
		number = strconv.FormatInt(q.ID, 10)
	}
	return reportPath(q.User, q.Report, "/results/"+number)
}

// Reports implements api.Service.
func (c *Client) Reports(ctx context.Context, user string) ([]api.Report, error) {
	path, err := person(user, "/reports")
	if err != nil {
		return nil, err
	}
	return get[[]api.Report](ctx, c, path, nil)
}

// PutReport implements api.Service.
func (c *Client) PutReport(ctx context.Context, q api.ReportEdit) (api.Report, error) {
	path, err := person(q.User, "/reports")
	if err != nil {
		return api.Report{}, err
	}
	return post[api.Report](ctx, c, path, q)
}

// DeleteReport implements api.Service.
func (c *Client) DeleteReport(ctx context.Context, q api.ReportRef) error {
	path, err := reportPath(q.User, q.Name, "")
	if err != nil {
		return err
	}
	_, err = receive[nothing](ctx, c, call{method: http.MethodDelete, path: path})
	return err
}

// RunReport implements api.Service.
func (c *Client) RunReport(ctx context.Context, q api.ReportRun) (api.ReportResult, error) {
	path, err := reportPath(q.User, q.Name, "/run")
	if err != nil {
		return api.ReportResult{}, err
	}
	return post[api.ReportResult](ctx, c, path, runBody{q.Mail})
}

// ReportResults implements api.Service.
func (c *Client) ReportResults(ctx context.Context, q api.ReportRef) ([]api.ReportResult, error) {
	path, err := reportPath(q.User, q.Name, "/results")
	if err != nil {
		return nil, err
	}
	return get[[]api.ReportResult](ctx, c, path, nil)
}

// ReportResult implements api.Service.
func (c *Client) ReportResult(ctx context.Context, q api.ResultRef) (api.ReportResult, error) {
	path, err := resultPath(q)
	if err != nil {
		return api.ReportResult{}, err
	}
	return get[api.ReportResult](ctx, c, path, nil)
}

// DeleteReportResult implements api.Service.
func (c *Client) DeleteReportResult(ctx context.Context, q api.ResultRef) error {
	path, err := resultPath(q)
	if err != nil {
		return err
	}
	_, err = receive[nothing](ctx, c, call{method: http.MethodDelete, path: path})
	return err
}
