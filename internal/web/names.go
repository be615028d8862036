package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
	"tocsin/internal/naming"
)

// Bounds of the page of names.
const (
	nameRows  = 200     // that are listed at once
	maxImport = 8 << 20 // bytes of a file; larger ones are for the command line
)

// Acts of the pages of names and groups.
const (
	setName     = "name"
	removeName  = "unname"
	importNames = "import"
	setGroup    = "group"
	removeGroup = "ungroup"
)

// A namesPage lists names and changes them.
type namesPage struct {
	frame

	Kind, Text string     // of the filter
	Names      []api.Name // that are listed
	Found      int        // that the filter selects
	Edit       api.NameEdit
	Kinds      []bookmark.Choice
	Of         string     // what was asked about
	Known      *api.Named // what is known of it; nil: nothing was asked
	Problem    string
	Form       form
}

// nameKinds are the kinds of things that have names.
func nameKinds() []bookmark.Choice {
	return []bookmark.Choice{{Word: api.NameAddress, Text: "address"}, {Word: api.NameNetwork, Text: "network"}, {Word: api.NameExporter, Text: "exporter"},
		{Word: api.NameInterface, Text: "interface"}, {Word: api.NameAS, Text: "AS"}}
}

func (s *site) names(w http.ResponseWriter, r *http.Request) {
	s.namesWith(w, r, http.StatusOK, form{})
}

func (s *site) namesWith(w http.ResponseWriter, r *http.Request, code int, f form) {
	q := r.URL.Query()
	p := namesPage{frame: s.frame(r, "Names", "/names"), Kinds: nameKinds(), Text: strings.TrimSpace(q.Get("text")), Form: f}
	if kind := q.Get("kind"); slices.ContainsFunc(p.Kinds, func(c bookmark.Choice) bool { return c.Word == kind }) {
		p.Kind = kind
	}
	p.Edit = api.NameEdit{Kind: f.Of(setName, "kind"), Key: f.Of(setName, "key"), Name: f.Of(setName, "name")}
	if f.Act == "" {
		p.Edit = api.NameEdit{Kind: q.Get("set"), Key: q.Get("key"), Name: q.Get("name")}
	}
	list, err := s.Service.Names(r.Context(), api.NameRequest{Kind: p.Kind})
	if err != nil {
		list, p.Problem, code = nil, s.explain(r, err), max(code, status(err))
	}
	for _, n := range list {
		if p.Text != "" && !strings.Contains(strings.ToLower(n.Name), strings.ToLower(p.Text)) && !strings.Contains(n.Key, p.Text) {
			continue
		}
		if p.Found++; p.Found <= nameRows {
			p.Names = append(p.Names, n)
		}
	}
	if err == nil {
		if p.Of, p.Known, err = s.known(r); err != nil {
			p.Problem, code = s.explain(r, err), max(code, status(err))
		}
	}
	s.show(w, code, "names.html", p)
}

// known asks what is known of the address in a page's question, if there is one.
func (s *site) known(r *http.Request) (of string, known *api.Named, err error) {
	of = strings.TrimSpace(r.URL.Query().Get("of"))
	if of == "" {
		return "", nil, nil
	}
	list, err := s.Service.NamesOf(r.Context(), api.NamesOfRequest{Keys: []api.NameKey{{Kind: api.NameAddress, Key: of}}})
	if err != nil || len(list) != 1 {
		return of, nil, err
	}
	return of, &list[0], nil
}

// changeNames does what a form of the page says.
func (s *site) changeNames(w http.ResponseWriter, r *http.Request) {
	f, err := readUpload(w, r)
	get := func(field string) string { return strings.TrimSpace(f.Values.Get(field)) }
	if err == nil {
		switch f.Act {
		case setName:
			_, err = s.Service.PutNames(r.Context(), api.NamesEdit{Names: []api.NameEdit{{Kind: get("kind"), Key: get("key"), Name: get("name")}}})
		case removeName:
			_, err = s.Service.DeleteNames(r.Context(), api.NamesRemoval{Keys: []api.NameKey{{Kind: get("kind"), Key: get("key")}}})
		case importNames:
			err = s.importNames(r, f)
		default:
			err = fault.New(fault.Invalid, "act %q: want %s, %s or %s", f.Act, setName, removeName, importNames)
		}
	}
	if err == nil {
		again(w, r, "/names", f.Act)
		return
	}
	f.Problem = s.explain(r, err)
	s.namesWith(w, r, status(err), f)
}

// importNames takes the names of a file, all or none.
func (s *site) importNames(r *http.Request, f form) error {
	file, head, err := r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return fault.New(fault.Invalid, "choose a file first")
	}
	if err != nil {
		return fault.New(fault.Invalid, "read file: %w", err)
	}
	defer file.Close()
	list, err := naming.ReadNames(cmp.Or(head.Filename, "file"), file)
	if err == nil && len(list) == 0 {
		err = fault.New(fault.Invalid, "%s: there are no names in it", cmp.Or(head.Filename, "file"))
	}
	if err != nil {
		return err
	}
	_, err = s.Service.PutNames(r.Context(), api.NamesEdit{Names: list, Replace: f.Values.Get("replace") != ""})
	return err
}

// readUpload reads a form that may have a file with it.
func readUpload(w http.ResponseWriter, r *http.Request) (form, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return readForm(w, r)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxImport)
	if err := r.ParseMultipartForm(maxImport); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return form{Act: importNames}, fault.New(fault.Invalid, "the file is larger than 8 MiB: tocsin names import takes larger ones")
		}
		return form{Act: importNames}, fault.New(fault.Invalid, "read form: %w", err)
	}
	return form{Act: r.PostForm.Get("act"), Values: r.PostForm}, nil
}

// NameAddress returns the address of the page with the form of a name filled in.
func (p namesPage) NameAddress(n api.Name) string {
	return "/names?" + url.Values{"set": {n.Kind}, "key": {n.Key}, "name": {n.Name}}.Encode() + "#set"
}
