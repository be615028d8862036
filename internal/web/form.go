package web

import (
	"net/http"
	"net/url"
	"slices"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// maxForm bounds what a form may send, in bytes.
const maxForm = 256 << 10

// A form is what somebody typed, shown to him again together with what is wrong with it.
type form struct {
	Act     string // which of the forms of the page it was; empty: none was sent
	Problem string
	Values  url.Values
}

// Is reports whether it was the form of an act that was sent.
func (f form) Is(act string) bool { return f.Act == act }

// Of returns what was typed into a field of the form of an act, "" when another was sent.
func (f form) Of(act, field string) string {
	if f.Act != act {
		return ""
	}
	return f.Values.Get(field)
}

// Typed returns what was typed into a field, whichever form it was.
func (f form) Typed(field string) string { return f.Values.Get(field) }

// Has reports whether a value of a field with several was chosen.
func (f form) Has(field, value string) bool { return slices.Contains(f.Values[field], value) }

// readForm reads the form of a request.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return form{}, fault.New(fault.Invalid, "read form: %w", err)
	}
	return form{Act: r.PostForm.Get("act"), Values: r.PostForm}, nil
}

// status is the status of a page that tells of a problem.
func status(err error) int {
	switch fault.Kind(err) {
	case nil:
		return http.StatusInternalServerError
	case fault.Invalid: //nolint:errorlint // Kind gives the very values
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Denied:
		return http.StatusForbidden
	default:
		return http.StatusServiceUnavailable
	}
}

// explain says to who asks why something failed. What is tocsin's own fault is told in full to administrators alone, and to
// the log.
func (s *site) explain(r *http.Request, err error) string {
	if fault.Kind(err) == nil {
		s.Log.Error("page could not do its work", "path", r.URL.Path, "err", err)
		if !api.Caller(r.Context()).Admin {
			return "tocsin could not do this; its log says why"
		}
	}
	return err.Error()
}

// refuse answers with a page that says why there is no other.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, here string, err error) {
	s.show(w, status(err), "problem.html", struct {
		frame

		Problem string
	}{s.frame(r, "Not to be had", here), s.explain(r, err)})
}
