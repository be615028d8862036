package web

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/board"
	"tocsin/internal/fault"
)

// A boardChange is a change of a board by one of its forms. What is right of the board that comes of it is for the service to say.
type boardChange struct {
	form  form
	pages []api.BoardPage
	page  int // from 1 on; afterwards the one to be shown
}

func (c *boardChange) make() error {
	switch c.form.Act {
	case addPage:
		c.pages = append(c.pages, api.BoardPage{Name: c.text("name"), Columns: 1, Widgets: []api.Widget{}})
		c.page = len(c.pages)
		return nil
	case savePage:
		return c.savePage()
	case removePage:
		if len(c.pages) == 1 {
			return fault.New(fault.Invalid, "this is the only page: add another first, or go back to what everybody begins with")
		}
		c.pages = slices.Delete(c.pages, c.page-1, c.page)
		c.page = max(1, c.page-1)
		return nil
	case pageEarlier:
		return c.movePage(-1)
	case pageLater:
		return c.movePage(1)
	case addWidget:
		return c.addWidget()
	}
	here := &c.pages[c.page-1]
	at := slices.IndexFunc(here.Widgets, func(w api.Widget) bool { return w.ID == c.form.Typed("id") })
	if at < 0 {
		return fault.New(fault.NotFound, "there is no such widget on this page")
	}
	switch c.form.Act {
	case saveWidget:
		return c.saveWidget(at)
	case removeWidget:
		here.Widgets = slices.Delete(here.Widgets, at, at+1)
		return nil
	case earlier:
		return c.moveWidget(at, -1)
	case later:
		return c.moveWidget(at, 1)
	}
	return fault.New(fault.Invalid, "act %q: the board has no such form", c.form.Act)
}

func (c *boardChange) text(field string) string { return strings.TrimSpace(c.form.Typed(field)) }

// number reads a field; an empty one is usual.
func (c *boardChange) number(field string, usual int) (int, error) {
	text := c.text(field)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%s: got %q, want a number", field, text)
	}
	return n, nil
}

// savePage gives a page another name and number of columns. Widgets of columns that are gone come into the last.
func (c *boardChange) savePage() (err error) {
	here := &c.pages[c.page-1]
	here.Name = c.text("name")
	if here.Columns, err = c.number("columns", here.Columns); err != nil {
		return err
	}
	for i := range here.Widgets {
		here.Widgets[i].Column = max(1, min(here.Widgets[i].Column, here.Columns))
	}
	return nil
}

func (c *boardChange) movePage(by int) error {
	to := c.page + by
	if to < 1 || to > len(c.pages) {
		return fault.New(fault.Invalid, "there is no page on that side")
	}
	c.pages[c.page-1], c.pages[to-1] = c.pages[to-1], c.pages[c.page-1]
	c.page = to
	return nil
}

func (c *boardChange) addWidget() error {
	column, err := c.number("column", 1)
	if err != nil {
		return err
	}
	here := &c.pages[c.page-1]
	here.Widgets = append(here.Widgets, api.Widget{Kind: c.text("kind"), Title: c.text("title"), Column: column})
	return nil
}

// saveWidget gives a widget other settings, and a place on another page or in another column.
func (c *boardChange) saveWidget(at int) error {
	here := &c.pages[c.page-1]
	w := here.Widgets[at]
	w.Title, w.MinSeverity, w.View, w.Report, w.Where = c.text("title"), c.text("min"), c.text("view"), c.text("report"), c.text("where")
	var err error
	if w.Rows, err = c.number("rows", 0); err != nil {
		return err
	}
	if w.Column, err = c.number("column", w.Column); err != nil {
		return err
	}
	to, err := c.number("to", c.page)
	if err != nil {
		return err
	}
	if to == c.page {
		here.Widgets[at] = w
		return nil
	}
	if to < 1 || to > len(c.pages) {
		return fault.New(fault.Invalid, "to: got %d, want a page from 1 to %d", to, len(c.pages))
	}
	other := &c.pages[to-1]
	w.Column = min(w.Column, max(1, other.Columns))
	if len(other.Widgets) >= board.MaxWidgets {
		return fault.New(fault.Invalid, "%s has %d widgets, which is as many as a page may have", other.Name, len(other.Widgets))
	}
	here.Widgets = slices.Delete(here.Widgets, at, at+1)
	other.Widgets = append(other.Widgets, w)
	c.page = to
	return nil
}

// moveWidget exchanges a widget with the one before or behind it in its column.
func (c *boardChange) moveWidget(at, by int) error {
	list := c.pages[c.page-1].Widgets
	for to := at + by; to >= 0 && to < len(list); to += by {
		if list[to].Column == list[at].Column {
			list[at], list[to] = list[to], list[at]
			return nil
		}
	}
	return fault.New(fault.Invalid, "there is no widget on that side in its column")
}
