package board

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/document"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
)

// Check returns pages with what is left out filled in, or every mistake in them as fault.Invalid.
func Check(pages []api.BoardPage) ([]api.BoardPage, error) {
	if len(pages) < 1 || len(pages) > MaxPages {
		return nil, fault.New(fault.Invalid, "pages: got %d, want 1 to %d", len(pages), MaxPages)
	}
	c := checker{seen: map[string]bool{}}
	whole := make([]api.BoardPage, len(pages))
	for i, p := range pages {
		whole[i] = c.page("pages["+strconv.Itoa(i)+"]", p)
	}
	if len(c.wrong) > 0 {
		return nil, fault.New(fault.Invalid, "%w", errors.Join(c.wrong...))
	}
	c.name(whole)
	return whole, nil
}

// A checker collects mistakes, and the names that widgets have.
type checker struct {
	seen  map[string]bool
	wrong []error
}

// add notes a mistake; the first few tell enough.
func (c *checker) add(key string, err error) {
	if err != nil && len(c.wrong) < 20 {
		c.wrong = append(c.wrong, fmt.Errorf("%s: %w", key, err))
	}
}

func (c *checker) page(key string, p api.BoardPage) api.BoardPage {
	c.add(key, bookmark.CheckName("name", p.Name))
	if p.Columns == 0 {
		p.Columns = 1
	}
	if p.Columns < 1 || p.Columns > MaxColumns {
		c.add(key, document.At("columns", p.Columns, "1 to "+strconv.Itoa(MaxColumns)))
		p.Columns = MaxColumns
	}
	if len(p.Widgets) > MaxWidgets {
		c.add(key, document.At("widgets", len(p.Widgets), "at most "+strconv.Itoa(MaxWidgets)))
		return p
	}
	widgets := make([]api.Widget, len(p.Widgets))
	for i, w := range p.Widgets {
		widgets[i] = c.widget(key+".widgets["+strconv.Itoa(i)+"]", w, p.Columns)
	}
	p.Widgets = widgets
	return p
}

var idText = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)

func (c *checker) widget(key string, w api.Widget, columns int) api.Widget {
	if w.Column == 0 {
		w.Column = 1
	}
	switch {
	case w.ID == "":
	case !idText.MatchString(w.ID):
		c.add(key, document.At("id", cut(w.ID), "1 to 20 small letters, digits and -"))
	case c.seen[w.ID]:
		c.add(key, document.At("id", w.ID, "one that no other widget has"))
	}
	c.seen[w.ID] = true
	if w.Column < 1 || w.Column > columns {
		c.add(key, document.At("column", w.Column, "1 to "+strconv.Itoa(columns)))
	}
	if w.Title != "" {
		c.add(key, bookmark.CheckName("title", w.Title))
	}
	k, err := KindOf(cut(w.Kind))
	if err != nil {
		c.add(key, err)
		return w
	}
	for _, err := range k.check(&w) {
		c.add(key, err)
	}
	return w
}

// check looks at the settings of a widget, which are those of its kind alone.
func (k *Kind) check(w *api.Widget) (wrong []error) {
	none := func(name, value string) {
		wrong = append(wrong, document.At(name, cut(value), "none: a widget of kind "+k.Word+" has no such setting"))
	}
	switch {
	case w.MinSeverity == "":
	case !k.Severity:
		none("min_severity", w.MinSeverity)
	default:
		least, err := alert.ParseSeverity(w.MinSeverity)
		if err != nil {
			wrong = append(wrong, document.At("min_severity", cut(w.MinSeverity), "INFO, LOW, MEDIUM, HIGH or CRITICAL"))
		}
		w.MinSeverity = least.String()
	}
	switch {
	case w.View == "":
	case !k.View:
		none("view", w.View)
	default:
		if err := bookmark.CheckName("view", w.View); err != nil {
			wrong = append(wrong, err)
		}
	}
	switch {
	case w.Report == "":
	case !k.Report:
		none("report", w.Report)
	default:
		if err := bookmark.CheckName("report", w.Report); err != nil {
			wrong = append(wrong, err)
		}
	}
	switch {
	case w.Where == "":
	case !k.Where:
		none("where", w.Where)
	case len(w.Where) > bookmark.MaxQuery:
		wrong = append(wrong, document.At("where", strconv.Itoa(len(w.Where))+" bytes", "a filter of at most "+strconv.Itoa(bookmark.MaxQuery)+" bytes"))
	default:
		if _, err := filter.ParseNaming(w.Where); err != nil {
			wrong = append(wrong, document.Wrap("where", err))
		}
	}
	if w.Rows != 0 && k.Rows == 0 {
		none("rows", strconv.Itoa(w.Rows))
	} else if w.Rows < 0 || w.Rows > k.Most {
		wrong = append(wrong, document.At("rows", w.Rows, "0 to "+strconv.Itoa(k.Most)+"; 0 is "+strconv.Itoa(k.Rows)))
	}
	return wrong
}

// cut shortens what is told of a text that is wrong.
func cut(text string) string {
	if len(text) > bookmark.MaxName {
		return text[:bookmark.MaxName]
	}
	return text
}

// name gives the widgets without a name one that no other has.
func (c *checker) name(pages []api.BoardPage) {
	next := 1
	for _, p := range pages {
		for i := range p.Widgets {
			for w := &p.Widgets[i]; w.ID == ""; next++ {
				if id := "w" + strconv.Itoa(next); !c.seen[id] {
					w.ID, c.seen[id] = id, true
				}
			}
		}
	}
}
