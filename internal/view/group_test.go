package view_test

import (
	"strings"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/view"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ by, measured, want string }{
		{"flow.host", "flow.sent.bytes", ""},
		{"flow.host network.transport", "flow.initiated", ""},
		{"flow.pair", "flow.sent.bytes", ""},
		{"flow.pair", "flow.port", ""},
		{"flow.port", "flow.client", ""},
		{"flow.host flow.port", "flow.target", ""},
		{"flow.country", "flow.host", ""},
		{"flow.server", "flow.client", ""},
		{"source.ip", "flow.port", ""},
		{"source.ip", "", ""},
		{"", "flow.sent.bytes", "from where somebody stands"},
		{"source.ip", "flow.initiated", "from where somebody stands"},
		{"source.ip", "flow.target", "put flow.host"},
		{"flow.pair", "flow.target", "a pair is two hosts"},
		{"flow.lower flow.higher", "flow.host", "a pair is two hosts"},
		{"flow.port", "flow.port", "of which there is but one"},
		{"flow.port", "flow.target.port", "is that port"},
		{"flow.host flow.country", "", "want one of them"},
		{"flow.host flow.pair", "", "flow.host of either"},
	} {
		field, _ := event.FieldByName(c.measured)
		err := view.Check(strings.Fields(c.by), field)
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("Check(%s, %s) = %v, want %q", c.by, c.measured, err, c.want)
		}
	}
}

// Who groups by stored fields alone is shown the batch itself, once.
func TestNoViewShowsTheBatch(t *testing.T) {
	v := view.Of([]string{"source.ip", "labels.x", "nonsense"}, nil)
	if v != nil {
		t.Fatal("stored fields make a view")
	}
	b, n := batch([]record{{role: "client"}}), 0
	v.Each(b, []int32{0}, func(aspect *event.Batch, rows []int32) {
		if n++; aspect != b || len(rows) != 1 {
			t.Errorf("another batch, or rows %v", rows)
		}
	})
	if n != 1 {
		t.Errorf("%d aspects, want 1", n)
	}
	if view.Of([]string{"flow.pair"}) == nil {
		t.Error("flow.pair makes no view")
	}
}
