package ledgertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// withAnnaAndBert opens a ledger with two accounts.
func withAnnaAndBert(t *testing.T, fresh Fresh) *ledger.Ledger {
	t.Helper()
	l := open(t, fresh)
	for _, name := range []string{"anna", "bert"} {
		if _, err := l.CreateUser(t.Context(), name, "correct horse battery", false, at(0)); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// viewsOf lists the views of an account by name.
func viewsOf(t *testing.T, l *ledger.Ledger, account string) []ledger.SavedView {
	t.Helper()
	list, err := l.Views(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b ledger.SavedView) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// testViews: each account has its own, a name of one once, as many as there may be and no more; a change and its line are one.
func testViews(t *testing.T, fresh Fresh) {
	l, ctx := withAnnaAndBert(t, fresh), t.Context()
	hostile := ledger.SavedView{Name: `ä'; DROP TABLE saved_views;--`, Address: `/flows?where=user.name+%3D%3D+%22x%27`, Changed: at(1)}
	again := ledger.SavedView{Name: hostile.Name, Address: "/alerts", Changed: at(3)}
	if err := l.PutView(drafted(ctx, 1, "views.change", "view"), "anna", hostile, false); err != nil {
		t.Fatal(err)
	}
	if err := l.PutView(drafted(ctx, 2, "views.change", "view"), "anna", again, false); fault.Kind(err) != fault.Conflict {
		t.Errorf("PutView of a name that there is = %v, want conflict", err)
	}
	if diff := cmp.Diff([]ledger.SavedView{hostile}, viewsOf(t, l, "anna")); diff != "" {
		t.Errorf("Views (-want +got):\n%s", diff)
	}
	if err := l.PutView(drafted(ctx, 3, "views.change", "view"), "anna", again, true); err != nil {
		t.Fatal(err)
	}
	if err := l.PutView(ctx, "bert", hostile, false); err != nil {
		t.Errorf("PutView of a name that another account has = %v", err)
	}
	if err := l.DeleteView(drafted(ctx, 4, "views.change", "view"), "anna", again.Name); err != nil {
		t.Error(err)
	}
	if err := l.DeleteView(ctx, "anna", again.Name); fault.Kind(err) != fault.NotFound {
		t.Errorf("DeleteView of none = %v, want not found", err)
	}
	if got := viewsOf(t, l, "anna"); len(got) != 0 {
		t.Errorf("Views after all was removed = %v", got)
	}
	if diff := cmp.Diff([]ledger.SavedView{hostile}, viewsOf(t, l, "bert")); diff != "" {
		t.Errorf("Views of another account (-want +got):\n%s", diff)
	}
	want := []string{"views.change view:  > " + hostile.Address + " = done", "views.change view: " + hostile.Address + " > /alerts = done", "views.change view: /alerts > removed = done"}
	if diff := cmp.Diff(want, told(t, l, ledger.AuditQuery{What: "views.change"})); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}

	for i := range ledger.MaxViews {
		if err := l.PutView(ctx, "anna", ledger.SavedView{Name: fmt.Sprint(i), Address: "/flows", Changed: at(5)}, false); err != nil {
			t.Fatal(err)
		}
	}
	one := ledger.SavedView{Name: "one more", Address: "/flows", Changed: at(6)}
	if err := l.PutView(ctx, "anna", one, true); fault.Kind(err) != fault.Conflict {
		t.Errorf("PutView of one too many = %v, want conflict", err)
	}
	one.Name = "7"
	if err := l.PutView(ctx, "anna", one, true); err != nil {
		t.Errorf("PutView in place of another when there are as many as may be = %v", err)
	}
	for _, nobody := range []string{"carl", "", "a\x00b"} {
		_, err := l.Views(ctx, nobody)
		for act, err := range map[string]error{"Views": err, "PutView": l.PutView(ctx, nobody, one, true), "DeleteView": l.DeleteView(ctx, nobody, "7")} {
			if fault.Kind(err) != fault.NotFound {
				t.Errorf("%s of %q = %v, want not found", act, nobody, err)
			}
		}
	}
	if err := l.DeleteUser(ctx, ledger.Removal{Name: "anna"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.CreateUser(ctx, "anna", "correct horse battery", false, at(7)); err != nil {
		t.Fatal(err)
	}
	if got := viewsOf(t, l, "anna"); len(got) != 0 {
		t.Errorf("who comes under the name of a deleted account has %d views of it", len(got))
	}
}

// testBoards: each account has its own, and of several who change the same version of one exactly one does.
func testBoards(t *testing.T, fresh Fresh) {
	l, ctx := withAnnaAndBert(t, fresh), t.Context()
	if b, err := l.Board(ctx, "anna"); err != nil || b != (ledger.UserBoard{}) {
		t.Errorf("Board that nobody stored = %+v, %v", b, err)
	}
	version := func(n int64) *int64 { return &n }
	first, err := l.SetBoard(drafted(ctx, 1, "board.change", "board"), "anna", version(0), `{"n":"ä\"'"}`, at(1))
	if err != nil || first != (ledger.UserBoard{Body: `{"n":"ä\"'"}`, Version: 1, Changed: at(1)}) {
		t.Fatalf("SetBoard = %+v, %v", first, err)
	}
	if b, err := l.Board(ctx, "anna"); err != nil || b != first {
		t.Errorf("Board = %+v, %v, want %+v", b, err, first)
	}
	for _, v := range []int64{0, 2, -1} {
		if _, err := l.SetBoard(drafted(ctx, 2, "board.change", "board"), "anna", version(v), "other", at(2)); fault.Kind(err) != fault.Conflict || strings.Count(err.Error(), "anna") != 1 {
			t.Errorf("SetBoard over version %d = %v, want a conflict that names the account once", v, err)
		}
	}
	if _, err := l.SetBoard(ctx, "anna", nil, strings.Repeat("x", 256<<10+1), at(2)); fault.Kind(err) != fault.Invalid {
		t.Errorf("SetBoard of 256 KiB and a byte = %v, want invalid", err)
	}
	if b, err := l.Board(ctx, "anna"); err != nil || b != first {
		t.Errorf("what was refused was stored: %+v, %v", b, err)
	}

	// Of many at once one wins, and the version of a board that was taken back never comes again.
	var racing sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		racing.Go(func() { _, errs[i] = l.SetBoard(ctx, "anna", version(1), fmt.Sprint(i), at(3)) })
	}
	racing.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if fault.Kind(err) != fault.Conflict {
			t.Errorf("SetBoard that was overtaken = %v, want conflict", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 changed the same version, want 1", won)
	}
	back, err := l.SetBoard(ctx, "anna", nil, "", at(4))
	if err != nil || back.Version != 3 || back.Body != "" {
		t.Errorf("SetBoard that takes it back = %+v, %v", back, err)
	}
	if b, err := l.Board(ctx, "bert"); err != nil || b != (ledger.UserBoard{}) {
		t.Errorf("Board of another account = %+v, %v", b, err)
	}
	if _, err := l.Board(ctx, "carl"); fault.Kind(err) != fault.NotFound {
		t.Errorf("Board of nobody = %v, want not found", err)
	}
	if _, err := l.SetBoard(ctx, "carl", nil, "x", at(4)); fault.Kind(err) != fault.NotFound {
		t.Errorf("SetBoard of nobody = %v, want not found", err)
	}
	if got := told(t, l, ledger.AuditQuery{What: "board.change"}); len(got) != 1 || got[0] != `board.change board:  > {"n":"ä\"'"} = done` {
		t.Errorf("audit log = %q", got)
	}
	if err := l.DeleteUser(ctx, ledger.Removal{Name: "anna"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.CreateUser(ctx, "anna", "correct horse battery", false, at(7)); err != nil {
		t.Fatal(err)
	}
	if b, err := l.Board(ctx, "anna"); err != nil || b != (ledger.UserBoard{}) {
		t.Errorf("who comes under the name of a deleted account has its board: %+v, %v", b, err)
	}
}
