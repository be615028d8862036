package ledgertest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// testPreferences: each account has its own, only accounts have some, and they survive as they were written.
func testPreferences(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	l := Open(t, dsn, dir)
	ctx := t.Context()
	users := map[string]ledger.User{}
	for _, name := range []string{"anna", "bert", "carl"} {
		u, err := l.CreateUser(ctx, name, "correct horse battery", name == "anna", at(0))
		if err != nil {
			t.Fatal(err)
		}
		users[name] = u
	}
	if p, ok, err := l.Preferences(ctx, "anna"); ok || err != nil || p.User.Name != "anna" || !p.User.Admin {
		t.Errorf("Preferences of an account without = %+v, %v, %v", p, ok, err)
	}
	if all, err := l.AllPreferences(ctx); len(all) != 0 || err != nil {
		t.Errorf("AllPreferences without any = %v, %v", all, err)
	}
	bodies := map[string]string{"anna": `{"where":"user.name == \"ä'; DROP TABLE preferences;--\""}`, "bert": "{}"}
	for i, name := range []string{"bert", "anna", "anna"} {
		if err := l.SetPreferences(ctx, name, bodies[name], at(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.DisableUser(ctx, "bert", true, at(9)); err != nil {
		t.Fatal(err)
	}
	for _, open := range []*ledger.Ledger{l, Open(t, dsn, dir)} { // also for who opens it later
		p, ok, err := open.Preferences(ctx, "anna")
		if !ok || err != nil || p.Body != bodies["anna"] || !p.Changed.Equal(at(3)) {
			t.Errorf("Preferences of anna = %+v, %v, %v", p, ok, err)
		}
		bert := users["bert"]
		bert.Disabled, bert.Changed = true, at(9)
		all, err := open.AllPreferences(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want := []ledger.UserPreferences{{User: users["anna"], Body: bodies["anna"], Changed: at(3)}, {User: bert, Body: "{}", Changed: at(1)}}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("AllPreferences (-want +got):\n%s", diff)
		}
	}
	for _, nobody := range []string{"dora", "", "anna' OR '1'='1", "a\x00b"} {
		if _, _, err := l.Preferences(ctx, nobody); fault.Kind(err) != fault.NotFound {
			t.Errorf("Preferences of %q = %v, want not found", nobody, err)
		}
		if err := l.SetPreferences(ctx, nobody, "{}", at(1)); fault.Kind(err) != fault.NotFound {
			t.Errorf("SetPreferences of %q = %v, want not found", nobody, err)
		}
	}
	if err := l.SetPreferences(ctx, "carl", strings.Repeat("x", 64<<10+1), at(1)); fault.Kind(err) != fault.Invalid {
		t.Errorf("SetPreferences of 64 KiB and a byte = %v, want invalid", err)
	}
	if _, ok, err := l.Preferences(ctx, "carl"); ok || err != nil {
		t.Errorf("what was refused was stored: %v, %v", ok, err)
	}
}
