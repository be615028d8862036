package web

import (
	"errors"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
)

// What is typed narrows what a widget shows, however either is spelt; a mistake is told of what was typed alone.
func TestWidgetFilter(t *testing.T) {
	const flowtraq, own = "flowtraq: SRVPORT==22 || SRVPORT==23", `source.ip == "192.0.2.7" || source.ip == "192.0.2.8"`
	for _, c := range []struct{ where, typed string }{{"", own}, {flowtraq, ""}, {flowtraq, own}, {own, flowtraq}, {own, own}, {flowtraq, flowtraq}} {
		w := widget{Widget: api.Widget{Where: c.where}, Typed: c.typed}
		got, err := w.filter()
		if err != nil {
			t.Errorf("filter of %q within %q: %v", c.typed, c.where, err)
			continue
		}
		var want []*filter.Expr
		for _, text := range []string{c.where, c.typed} {
			if e, err := filter.Parse(text); text != "" && err == nil {
				want = append(want, e)
			}
		}
		if e, err := filter.Parse(got); err != nil || e.String() != filter.And(want...).String() {
			t.Errorf("filter of %q within %q = %q, %v", c.typed, c.where, got, err)
		}
	}
	w := widget{Widget: api.Widget{Where: flowtraq}, Typed: "nosuch == 1"}
	if _, err := w.filter(); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "column 1)") {
		t.Errorf("filter with a mistake: got %v, want its place in what was typed", err)
	}
}
