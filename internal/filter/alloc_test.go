//go:build unix

package filter

import "testing"

// TestSelectAllocatesNothing: once its scratch has grown, a set allocates nothing, whatever the form of the columns.
func TestSelectAllocatesNothing(t *testing.T) {
	exprs := append(manyRules(40), mustParse(`like(message, "%word__ pass%") && labels.x == "y" && num(labels.z) > 3`), mustParse(`source.ip == destination.ip || icontains(url.path, "VALUE-0")`))
	plain := benchBatch(5000, false)
	dict := coded(plain)
	set, selected := NewSet(exprs), 0
	count := func(_ int, rows []int32) { selected += len(rows) }
	for _, b := range []struct {
		name string
		run  func()
	}{
		{"plain", func() { set.Select(plain, count) }},
		{"coded", func() { set.Select(dict, count) }},
	} {
		b.run()
		if n := testing.AllocsPerRun(5, b.run); n > 0 {
			t.Errorf("Select of a %s batch allocates %v times", b.name, n)
		}
	}
	if selected == 0 {
		t.Error("nothing was selected")
	}
}
