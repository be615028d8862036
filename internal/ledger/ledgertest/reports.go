package ledgertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// aReport is a report of anna's, set up at a time.
func aReport(name string, now time.Time) ledger.SavedReport {
	return ledger.SavedReport{Account: "anna", Name: name, Body: `{"address":"/flows"}`, Keep: 2, Past: now, Changed: now}
}

// putReport keeps a report and reads it back.
func putReport(t *testing.T, l *ledger.Ledger, r ledger.SavedReport) ledger.SavedReport {
	t.Helper()
	if err := l.PutReport(t.Context(), r, true, time.Time{}); err != nil {
		t.Fatal(err)
	}
	kept, err := l.Report(t.Context(), r.Account, r.Name)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// aResult is one of a report that was due at a time.
func aResult(of ledger.SavedReport, due time.Time) ledger.NewResult {
	return ledger.NewResult{KeptResult: ledger.KeptResult{Due: due, Made: due.Add(time.Second), Head: `{"n":1}`, Body: `{"rows":[]}`}, Report: of.ID, Changed: of.Changed, Scheduled: true}
}

// testReports: each account has its own, a name of one once, as many as there may be; who changes one that was changed is told.
func testReports(t *testing.T, fresh Fresh) {
	l, ctx := withAnnaAndBert(t, fresh), t.Context()
	first := aReport(`ä'; DROP TABLE reports;--`, at(1))
	if err := l.PutReport(drafted(ctx, 1, "reports.change", "report"), first, false, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := l.PutReport(drafted(ctx, 2, "reports.change", "report"), first, false, time.Time{}); fault.Kind(err) != fault.Conflict {
		t.Errorf("PutReport of a name that there is = %v, want conflict", err)
	}
	again := first
	again.Body, again.Changed, again.Past, again.Paused, again.Keep = "other", at(3), at(3), true, 1
	for _, before := range []time.Time{at(2), at(3)} {
		if err := l.PutReport(drafted(ctx, 2, "reports.change", "report"), again, true, before); fault.Kind(err) != fault.Conflict {
			t.Errorf("PutReport over what was changed at another time = %v, want conflict", err)
		}
	}
	if err := l.PutReport(drafted(ctx, 3, "reports.change", "report"), again, true, at(1)); err != nil {
		t.Error(err)
	}
	list, err := l.Reports(ctx, "anna")
	if err != nil || len(list) != 1 {
		t.Fatalf("Reports = %v, %v", list, err)
	}
	again.ID = list[0].ID
	if diff := cmp.Diff([]ledger.SavedReport{again}, list); diff != "" {
		t.Errorf("Reports (-want +got):\n%s", diff)
	}
	if err := l.DeleteReport(drafted(ctx, 4, "reports.change", "report"), "anna", first.Name); err != nil {
		t.Error(err)
	}
	if err := l.PutReport(ctx, again, true, at(3)); fault.Kind(err) != fault.Conflict {
		t.Errorf("PutReport in place of one that was removed meanwhile = %v, want conflict", err)
	}
	want := []string{"reports.change report:  > " + first.Body + " = done", "reports.change report: " + first.Body + " > other = done", "reports.change report: other > removed = done"}
	if diff := cmp.Diff(want, told(t, l, ledger.AuditQuery{What: "reports.change"})); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	for i := range ledger.MaxReports {
		if err := l.PutReport(ctx, aReport(fmt.Sprint(i), at(5)), false, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.PutReport(ctx, aReport("one more", at(5)), true, time.Time{}); fault.Kind(err) != fault.Conflict {
		t.Errorf("PutReport of one too many = %v, want conflict", err)
	}
	long := aReport("7", at(6))
	long.Body = strings.Repeat("x", 16<<10+1)
	if err := l.PutReport(ctx, long, true, time.Time{}); fault.Kind(err) != fault.Invalid {
		t.Errorf("PutReport of 16 KiB and a byte = %v, want invalid", err)
	}
	for _, nobody := range []string{"carl", "", "a\x00b"} {
		one := aReport("7", at(6))
		one.Account = nobody
		_, err := l.Reports(ctx, nobody)
		_, errOne := l.Report(ctx, nobody, "7")
		_, errResults := l.Results(ctx, nobody, "7")
		for act, err := range map[string]error{"Reports": err, "Report": errOne, "Results": errResults, "PutReport": l.PutReport(ctx, one, true, time.Time{}), "DeleteReport": l.DeleteReport(ctx, nobody, "7")} {
			if fault.Kind(err) != fault.NotFound {
				t.Errorf("%s of %q = %v, want not found", act, nobody, err)
			}
		}
	}
}

// testScheduledReports: those are made that are not paused, of accounts that are not shut out.
func testScheduledReports(t *testing.T, fresh Fresh) {
	l, ctx := withAnnaAndBert(t, fresh), t.Context()
	if err := l.SetPreferences(ctx, "anna", `{"zone":"Europe/Berlin"}`, at(1)); err != nil {
		t.Fatal(err)
	}
	if err := l.SetFilter(ctx, "anna", "source.port == 22", at(1)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"on", "off"} {
		r := aReport(name, at(1))
		r.Paused = name == "off"
		putReport(t, l, r)
	}
	of := aReport("of bert", at(1))
	of.Account = "bert"
	putReport(t, l, of)
	scheduled := func() (names []string) {
		t.Helper()
		list, err := l.ScheduledReports(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			names = append(names, r.Name+"/"+r.Owner.Name+"/"+r.Owner.Filter+"/"+r.Preferences)
		}
		slices.Sort(names)
		return names
	}
	if diff := cmp.Diff([]string{"of bert/bert//", `on/anna/source.port == 22/{"zone":"Europe/Berlin"}`}, scheduled()); diff != "" {
		t.Errorf("ScheduledReports (-want +got):\n%s", diff)
	}
	if err := l.DisableUser(ctx, "bert", true, at(2)); err == nil {
		err = l.DeleteUser(ctx, ledger.Removal{Name: "anna"})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := scheduled(); len(got) != 0 {
		t.Errorf("ScheduledReports of accounts that are gone or shut out = %q", got)
	}
}

// testResults: one result of a time, the newest stay, with its mail in the outbox or not at all; nothing remains of who is deleted.
func testResults(t *testing.T, fresh Fresh) {
	l, ctx := withAnnaAndBert(t, fresh), t.Context()
	kept := putReport(t, l, aReport("nightly", at(0)))
	mails := 0
	mailed := func(r ledger.NewResult) ledger.NewResult {
		r.Mail = func(id int64) (ledger.ReportMail, error) {
			mails++
			return ledger.ReportMail{Channel: "mail:anna", To: "anna@example.org", Report: notifier.Report{Name: "nightly", Subject: fmt.Sprintf("result %d\x00", id), Text: "a\nb"}}, nil
		}
		return r
	}
	// Of many at once one is kept, with one mail.
	var racing sync.WaitGroup
	var mu sync.Mutex
	ids := map[int64]int{}
	for range 8 {
		racing.Go(func() {
			mu.Lock()
			r := mailed(aResult(kept, at(10)))
			mu.Unlock()
			id, err := l.KeepResult(ctx, r)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[id]++
		})
	}
	racing.Wait()
	if len(ids) != 2 || ids[0] != 7 || mails != 1 {
		t.Errorf("8 results of one time have the numbers %v and %d mails, want one and one", ids, mails)
	}
	now, err := l.Report(ctx, "anna", "nightly")
	if err != nil || !now.Past.Equal(at(10)) || !now.Last.Equal(at(10)) || now.Failed != "" {
		t.Errorf("the report after its result = %+v, %v", now, err)
	}
	if has, err := l.HasResult(ctx, kept.ID, at(10)); err != nil || !has {
		t.Errorf("HasResult = %v, %v", has, err)
	}
	failed := aResult(kept, at(20))
	failed.Failed, failed.Scheduled = "no field \"x\"\x00", false
	second, err := l.KeepResult(drafted(ctx, 1, "reports.run", "report"), failed)
	if err != nil {
		t.Fatal(err)
	}
	if now, err = l.Report(ctx, "anna", "nightly"); err != nil || !now.Past.Equal(at(10)) || !now.Last.Equal(at(20)) || now.Failed == "" {
		t.Errorf("the report after a result that somebody asked for = %+v, %v", now, err)
	}
	third, err := l.KeepResult(ctx, aResult(kept, at(15))) // as a clock that was put back has it
	if err != nil {
		t.Fatal(err)
	}
	list, err := l.Results(ctx, "anna", "nightly")
	if err != nil || len(list) != 2 || list[0].ID != third || list[1].ID != second || list[0].Body != "" {
		t.Errorf("Results of which two are kept = %+v, %v", list, err)
	}
	if newest, err := l.Result(ctx, "anna", "nightly", 0); err != nil || newest.ID != third || newest.Body != `{"rows":[]}` || newest.Head != `{"n":1}` {
		t.Errorf("the newest result = %+v, %v", newest, err)
	}
	if err := l.DeleteResult(ctx, "anna", "nightly", second); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{"DeleteResult of none": l.DeleteResult(ctx, "anna", "nightly", second), "of another report": l.DeleteResult(ctx, "anna", "other", third), "of another account": l.DeleteResult(ctx, "bert", "nightly", third)} {
		if fault.Kind(err) != fault.NotFound {
			t.Errorf("%s = %v, want not found", what, err)
		}
	}
	refusedResults(t, l, kept, mailed)

	if got := told(t, l, ledger.AuditQuery{What: "reports.run"}); len(got) != 1 || got[0] != fmt.Sprintf("reports.run report:  > result %d = done", second) {
		t.Errorf("audit log = %q", got)
	}
	due, err := l.Claim(ctx, ledger.Claim{Channel: "mail:anna", Holder: "test", Lease: time.Minute, Limit: 10, Now: at(1000)})
	if err != nil || len(due) != 1 {
		t.Fatalf("Claim = %+v, %v", due, err)
	}
	if n := due[0].Notice; n.Change != notifier.Reported || n.Report == nil || n.Report.Text != "a\nb" || n.User != "anna" || n.To != "anna@example.org" || n.Alert.Title != n.Report.Subject {
		t.Errorf("the notice is %+v", n)
	}
	if err := l.DeleteUser(ctx, ledger.Removal{Name: "anna"}); err != nil {
		t.Fatal(err)
	}
	if has, err := l.HasResult(ctx, kept.ID, at(15)); err != nil || has {
		t.Errorf("a result of a deleted account is there: %v, %v", has, err)
	}
	if left := deliveries(t, l); len(left) != 0 {
		t.Errorf("mails of a deleted account are there: %+v", left)
	}
	if _, err := l.CreateUser(ctx, "anna", "correct horse battery", false, at(2000)); err != nil {
		t.Fatal(err)
	}
	if list, err := l.Reports(ctx, "anna"); err != nil || len(list) != 0 {
		t.Errorf("who comes under the name of a deleted account has %d reports of it, %v", len(list), err)
	}
}

// refusedResults: what nobody wants any more is not kept, and its mail not sent.
func refusedResults(t *testing.T, l *ledger.Ledger, kept ledger.SavedReport, mailed func(ledger.NewResult) ledger.NewResult) {
	t.Helper()
	ctx := t.Context()
	count := func() int {
		list, err := l.Results(ctx, "anna", "nightly")
		if err != nil {
			t.Fatal(err)
		}
		return len(list) + len(deliveries(t, l))
	}
	before := count()
	other := aResult(kept, at(30))
	other.Changed = at(1)
	gone := aResult(kept, at(30))
	gone.Report = 999
	large := aResult(kept, at(30))
	large.Body = strings.Repeat("x", ledger.MaxResult+1)
	foul := aResult(kept, at(30))
	foul.Mail = func(int64) (ledger.ReportMail, error) {
		return ledger.ReportMail{}, fault.New(fault.Invalid, "no words")
	}
	for what, r := range map[string]ledger.NewResult{"of what was changed": mailed(other), "of what was removed": mailed(gone), "of 256 KiB and a byte": mailed(large), "whose mail has no words": foul} {
		if id, err := l.KeepResult(ctx, r); err == nil {
			t.Errorf("a result %s is kept as %d", what, id)
		}
	}
	if err := l.DisableUser(ctx, "anna", true, at(31)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.KeepResult(ctx, mailed(aResult(kept, at(30)))); fault.Kind(err) != fault.Conflict {
		t.Errorf("a result of who is shut out = %v, want conflict", err)
	}
	if err := l.DisableUser(ctx, "anna", false, at(32)); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != before {
		t.Errorf("what was refused is there: %d, want %d", got, before)
	}
}
