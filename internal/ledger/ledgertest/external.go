package ledgertest

import (
	"errors"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// testExternal: who logs in at a provider gets his own account and nobody else's.
func testExternal(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	yes, no := true, false
	who := func(change func(*ledger.External)) ledger.External {
		e := ledger.External{Issuer: "https://id.example", Subject: "1", Name: "anna", Create: true}
		if change != nil {
			change(&e)
		}
		return e
	}
	denied := func(what string, e ledger.External) {
		t.Helper()
		if u, err := l.LetIn(t.Context(), e, at(1)); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: let in as %+v, %v", what, u, err)
		}
	}
	in := func(what string, e ledger.External, second int) ledger.User {
		t.Helper()
		u, err := l.LetIn(drafted(t.Context(), second, what, e.Name), e, at(second))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return u
	}
	denied("before there is an administrator", who(nil))
	if _, err := l.CreateUser(t.Context(), "root", "correct horse battery", true, at(1)); err != nil {
		t.Fatal(err)
	}
	denied("an account is not to be made", who(func(e *ledger.External) { e.Create = false }))
	denied("a name that accounts cannot have", who(func(e *ledger.External) { e.Name = "anna; --" }))
	denied("a name of somebody here", who(func(e *ledger.External) { e.Name = "root" }))
	anna := in("makes", who(nil), 2)
	if anna.Name != "anna" || anna.Admin {
		t.Errorf("made %+v", anna)
	}
	if again := in("again", who(func(e *ledger.External) { e.Name = "anna.married"; e.Create = false }), 3); again.ID != anna.ID || again.Name != "anna" {
		t.Errorf("the same person under another name is %+v", again)
	}
	denied("another subject of the same name", who(func(e *ledger.External) { e.Subject = "2"; e.Link = true }))
	denied("the subject of another issuer", who(func(e *ledger.External) { e.Issuer = "https://evil.example"; e.Link = true }))
	for _, password := range []string{"", "!", "correct horse battery"} {
		if _, err := l.Authenticate(t.Context(), "anna", password); !errors.Is(err, fault.Denied) {
			t.Errorf("an account of a provider has the password %q: %v", password, err)
		}
	}
	if err := l.SetPassword(t.Context(), "anna", "correct horse battery", at(3)); !errors.Is(err, fault.Conflict) {
		t.Errorf("an account of a provider gets a password here: %v", err)
	}
	if linked := in("links", who(func(e *ledger.External) { e.Subject, e.Name, e.Link = "3", "root", true }), 4); linked.Name != "root" || !linked.Admin {
		t.Errorf("linked %+v", linked)
	}
	if last := in("demotes the last", who(func(e *ledger.External) { e.Subject, e.Admin = "3", &no }), 5); !last.Admin {
		t.Error("the last administrator was demoted")
	}
	if err := l.SetFilter(t.Context(), "anna", `user.name == "a"`, at(6)); err != nil {
		t.Fatal(err)
	}
	if u := in("promotes", who(func(e *ledger.External) { e.Admin = &yes }), 6); !u.Admin || u.Filter != "" {
		t.Errorf("promoted: %+v", u)
	}
	if u := in("demotes", who(func(e *ledger.External) { e.Subject, e.Admin = "3", &no }), 7); u.Admin {
		t.Error("not demoted, though there is another administrator")
	}
	if err := l.DisableUser(t.Context(), "root", true, at(8)); err != nil {
		t.Fatal(err)
	}
	denied("disabled", who(func(e *ledger.External) { e.Subject = "3" }))
	if got := told(t, l, ledger.AuditQuery{}); len(got) != 4 {
		t.Errorf("the audit log has %q, want what was made, linked, promoted and demoted", got)
	}
}
