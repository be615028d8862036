package ledgertest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
)

// entities names whom alerts are about, in their order.
func entities(list []alert.Alert) string {
	text := ""
	for i := range list {
		text += list[i].Entity.String() + ";"
	}
	return text
}

// Pages behind one another hold every alert once, also where many have the same time, and what is found by a text is what
// holds it, whatever signs it is made of.
func testAlertList(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	for i := range 7 { // of three rules, most at the same time
		step(t, l, uint64(i+1), write(int64(1+i%3), host(fmt.Sprintf("n%d", i)), trigger(10+i/5, 1, 12)))
	}
	step(t, l, 8, write(4, host("100%_sure!"), trigger(5, 2, 12)), write(4, host("ÄRGER"), trigger(4, 3, 12)))

	whole, brief := alerts(t, l, ledger.AlertQuery{}), alerts(t, l, ledger.AlertQuery{Brief: true})
	for i := range whole {
		whole[i].Samples = nil
	}
	if diff := cmp.Diff(whole, brief); diff != "" {
		t.Errorf("in brief (-whole +brief):\n%s", diff)
	}

	var listed string
	q := ledger.AlertQuery{Limit: 2}
	for range 10 {
		page := alerts(t, l, q)
		if len(page) == 0 {
			break
		}
		listed += entities(page)
		last := page[len(page)-1]
		q.Behind = ledger.Place{Last: last.Last, ID: last.ID}
	}
	if want := "n6;n5;n4;n3;n2;n1;n0;100%_sure!;ÄRGER;"; listed != want {
		t.Errorf("pages of 2 = %q, want %q", listed, want)
	}
	for text, want := range map[string]string{
		"N3": "n3;", "source.ip=n": "n6;n5;n4;n3;n2;n1;n0;", "%": "100%_sure!;", "0%_": "100%_sure!;", "_": "100%_sure!;", "!": "100%_sure!;",
		"ÄRGER": "ÄRGER;", "RULE-4": "100%_sure!;ÄRGER;", "in 10S": entities(alerts(t, l, ledger.AlertQuery{})), "' OR 1=1 --": "", "nothing": "",
	} {
		if got := entities(alerts(t, l, ledger.AlertQuery{Text: text})); got != want {
			t.Errorf("alerts with %q = %q, want %q", text, got, want)
		}
	}
	if got := entities(alerts(t, l, ledger.AlertQuery{Owners: []string{"", "bob"}, Text: "n3"})); got != "n3;" {
		t.Errorf("alerts of nobody and bob = %q, want n3", got)
	}
	if got := entities(alerts(t, l, ledger.AlertQuery{Owners: []string{"bob"}})); got != "" {
		t.Errorf("alerts of bob = %q, want none", got)
	}

	counts, err := l.CountAlerts(t.Context(), ledger.AlertQuery{Behind: q.Behind, Limit: 1})
	if err != nil || len(counts) != 0 {
		t.Errorf("counts behind the last = %v, %v, want none", counts, err)
	}
	counts, err = l.CountAlerts(t.Context(), ledger.AlertQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	told := ""
	for _, c := range counts {
		told += fmt.Sprintf("%s %s %s %d/%d until %d;", c.RuleName, c.Severity, c.State, c.Alerts, c.Triggers, c.Last.Unix()-at(0).Unix())
	}
	if want := "rule-1 HIGH open 3/3 until 11;rule-2 HIGH open 2/2 until 10;rule-3 HIGH open 2/2 until 11;rule-4 HIGH open 2/5 until 5;"; told != want {
		t.Errorf("counts = %q, want %q", told, want)
	}
}
