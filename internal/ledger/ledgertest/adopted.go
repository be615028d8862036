package ledgertest

import (
	"strings"
	"testing"

	"tocsin/internal/fault"
)

// testAdopted: an account of another program comes in with its old password, whatever parameters it was hashed with, is
// hashed anew by that, and still comes in. One without a usable hash does not, whatever is tried, until it gets a password.
func testAdopted(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	for name, phc := range map[string]string{
		"id": "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"i":  "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
	} {
		if added, usable, err := l.AdoptUser(ctx, name, phc, name == "id", at(1)); !added || !usable || err != nil {
			t.Fatalf("AdoptUser(%s) = %v, %v, %v", name, added, usable, err)
		}
		for range 3 { // with the old hash, with ours, and a wrong one between
			if u, err := l.Authenticate(ctx, name, "password"); err != nil || u.Admin != (name == "id") {
				t.Errorf("Authenticate(%s) = %+v, %v", name, u, err)
			}
			_, err := l.Authenticate(ctx, name, "passwort")
			wantKind(t, "Authenticate with a wrong password", err, fault.Denied)
		}
		if added, _, err := l.AdoptUser(ctx, name, phc, false, at(2)); added || err != nil {
			t.Errorf("AdoptUser(%s) again = %v, %v", name, added, err)
		}
	}
	for i, phc := range []string{"", "!", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 43)} {
		name := "bad" + string(rune('0'+i))
		if added, usable, err := l.AdoptUser(ctx, name, phc, false, at(1)); !added || usable || err != nil {
			t.Errorf("AdoptUser with hash %q = %v, %v, %v", phc, added, usable, err)
		}
		if err := l.DisableUser(ctx, name, false, at(2)); err != nil {
			t.Fatal(err)
		}
		for _, password := range []string{"", "!", phc, "password"} {
			_, err := l.Authenticate(ctx, name, password)
			wantKind(t, "Authenticate without a usable hash", err, fault.Denied)
		}
		if err := l.SetPassword(ctx, name, "a new one", at(3)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Authenticate(ctx, name, "a new one"); err != nil {
			t.Errorf("Authenticate with a new password = %v", err)
		}
	}
	_, _, err := l.AdoptUser(ctx, "a b", "!", false, at(1))
	wantKind(t, "AdoptUser of a foul name", err, fault.Invalid)
}
