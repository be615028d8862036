package ledgertest

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

func testSchema(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	// Two that open the same empty database at once make the schema once.
	var both sync.WaitGroup
	for range 2 {
		l := Open(t, dsn, dir)
		both.Go(func() {
			if err := l.Check(t.Context()); err != nil {
				t.Errorf("Check = %v", err)
			}
		})
	}
	both.Wait()
	execute(t, dsn, dir, "UPDATE schema_version SET version = 99")
	err := Open(t, dsn, dir).Check(t.Context())
	wantKind(t, "Check of a newer schema", err, fault.Conflict)
	if err == nil || !strings.Contains(err.Error(), "version 99") || !strings.Contains(err.Error(), "newer tocsin") {
		t.Errorf("Check of a newer schema = %v, want both versions and the way out", err)
	}
	execute(t, dsn, dir, "DROP TABLE schema_version")
	err = Open(t, dsn, dir).Check(t.Context())
	wantKind(t, "Check of a foreign database", err, fault.Conflict)
}

// execute runs a statement as somebody else would.
func execute(t *testing.T, dsn, dir, statement string) {
	t.Helper()
	driver := "pgx"
	if dsn == "" {
		driver, dsn = "sqlite", filepath.Join(dir, ledger.FileName)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func testAccounts(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	if _, err := l.CreateUser(ctx, "anna", "correct horse", true, at(1)); err != nil {
		t.Fatal(err)
	}
	_, err := l.CreateUser(ctx, "anna", "another one", false, at(2))
	wantKind(t, "CreateUser of a name that is taken", err, fault.Conflict)
	for _, name := range []string{"", "a b", "a:b", "../x", "a\x00", strings.Repeat("a", 65), "ä"} {
		_, err := l.CreateUser(ctx, name, "long enough", false, at(2))
		wantKind(t, fmt.Sprintf("CreateUser(%q)", name), err, fault.Invalid)
	}
	for _, password := range []string{"", "seven77", "ääääääa", strings.Repeat("x", 1025)} {
		_, err := l.CreateUser(ctx, "bob", password, false, at(2))
		wantKind(t, "CreateUser with a foul password", err, fault.Invalid)
	}
	u, err := l.Authenticate(ctx, "anna", "correct horse")
	if err != nil || u.Name != "anna" || !u.Admin || u.Created != at(1) {
		t.Errorf("Authenticate = %+v, %v, want anna", u, err)
	}
	texts := map[string]bool{}
	for _, try := range [][2]string{{"anna", "wrong"}, {"anna", ""}, {"nobody", "correct horse"}, {"anna\x00", "x"}, {"ANNA", "correct horse"}} {
		_, err := l.Authenticate(ctx, try[0], try[1])
		wantKind(t, fmt.Sprintf("Authenticate(%q)", try), err, fault.Denied)
		texts[fmt.Sprint(err)] = true
	}
	if len(texts) != 1 {
		t.Errorf("errors tell what was wrong: %v", texts)
	}
	wantKind(t, "DisableUser of the last administrator", l.DisableUser(ctx, "anna", true, at(3)), fault.Conflict)
	wantKind(t, "SetAdmin(false) of the last administrator", l.SetAdmin(ctx, "anna", false, at(3)), fault.Conflict)
	wantKind(t, "SetAdmin of nobody", l.SetAdmin(ctx, "nobody", true, at(3)), fault.NotFound)
	if _, err := l.CreateUser(ctx, "bob", "of bob: ä", true, at(3)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.DisableUser(ctx, "anna", true, at(4)), l.SetPassword(ctx, "bob", "new of bob", at(4))); err != nil {
		t.Fatal(err)
	}
	_, err = l.Authenticate(ctx, "anna", "correct horse")
	wantKind(t, "Authenticate of a disabled user", err, fault.Denied)
	_, err = l.Authenticate(ctx, "bob", "of bob: ä")
	wantKind(t, "Authenticate with the old password", err, fault.Denied)
	if _, err := l.Authenticate(ctx, "bob", "new of bob"); err != nil {
		t.Errorf("Authenticate with the new password = %v", err)
	}
	users, err := l.Users(ctx)
	if err != nil || len(users) != 2 || users[0].Name != "anna" || !users[0].Disabled || users[1].Changed != at(4) {
		t.Errorf("Users = %+v, %v", users, err)
	}
	wantKind(t, "SetAdmin(false) of the last who can come in", l.SetAdmin(ctx, "bob", false, at(5)), fault.Conflict)
}

func testTokens(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	for _, name := range []string{"anna", "bob"} {
		if _, err := l.CreateUser(ctx, name, "long enough", name == "bob", at(1)); err != nil {
			t.Fatal(err)
		}
	}
	short, _, err := l.CreateToken(ctx, "anna", "feeder", "read,send", at(100), at(1))
	if err != nil {
		t.Fatal(err)
	}
	long, token, err := l.CreateToken(ctx, "anna", "for ever", "", ledgerZero(), at(1))
	if err != nil || short == long || !strings.HasPrefix(long, ledger.TokenPrefix) {
		t.Fatalf("CreateToken = %q, %v", long, err)
	}
	if u, token, err := l.UserOfToken(ctx, short, at(99)); err != nil || u.Name != "anna" || u.Admin || token.Scopes != "read,send" {
		t.Errorf("UserOfToken = %+v, %v, want anna", u, err)
	}
	_, _, err = l.UserOfToken(ctx, short, at(100))
	wantKind(t, "UserOfToken of one that expired", err, fault.Denied)
	for _, secret := range []string{"", "tcs_", "tcs_" + strings.Repeat("a", 500), long[:len(long)-1], strings.ToUpper(long)} {
		_, _, err = l.UserOfToken(ctx, secret, at(2))
		wantKind(t, "UserOfToken of a foul one", err, fault.Denied)
	}
	wantKind(t, "RevokeToken by another", l.RevokeToken(ctx, "bob", token.ID, at(3)), fault.NotFound)
	if err := l.RevokeToken(ctx, "anna", token.ID, at(3)); err != nil {
		t.Error(err)
	}
	_, _, err = l.UserOfToken(ctx, long, at(2))
	wantKind(t, "UserOfToken of one that is revoked", err, fault.Denied)
	if err := l.DisableUser(ctx, "anna", true, at(4)); err != nil {
		t.Fatal(err)
	}
	_, _, err = l.UserOfToken(ctx, short, at(5))
	wantKind(t, "UserOfToken of a disabled user", err, fault.Denied)
	if err := l.DisableUser(ctx, "anna", false, at(6)); err != nil {
		t.Fatal(err)
	}
	_, _, err = l.UserOfToken(ctx, short, at(7))
	wantKind(t, "UserOfToken of a user who was let in again", err, fault.Denied)
	tokens, err := l.Tokens(ctx, "anna")
	if err != nil || len(tokens) != 2 || tokens[0].Label != "feeder" || tokens[1].Revoked != at(3) {
		t.Errorf("Tokens = %+v, %v", tokens, err)
	}
}

func testRules(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	r, err := l.PutRule(ctx, "anna", "scan", "text 1", true, false, at(1))
	if err != nil || r.ID == 0 || r.Version != 1 || !r.Enabled {
		t.Fatalf("PutRule = %+v, %v", r, err)
	}
	_, err = l.PutRule(ctx, "anna", "scan", "text 2", true, false, at(2))
	wantKind(t, "PutRule of a name that is taken", err, fault.Conflict)
	_, err = l.PutRule(ctx, "anna", "other", "text", true, true, at(2))
	wantKind(t, "PutRule in place of nothing", err, fault.NotFound)
	other, err := l.PutRule(ctx, "bob", "scan", "text 1", true, false, at(2))
	if err != nil || other.ID == r.ID {
		t.Errorf("PutRule of the same name by another = %+v, %v", other, err)
	}
	for _, name := range []string{"", "a\nb", "a\x00", strings.Repeat("x", 201)} {
		_, err := l.PutRule(ctx, "anna", name, "text", true, false, at(2))
		wantKind(t, fmt.Sprintf("PutRule(%q)", name), err, fault.Invalid)
	}
	again, err := l.PutRule(ctx, "anna", "scan", "text 1", true, true, at(3))
	if err != nil || again.Version != 1 || again.Changed != at(1) {
		t.Errorf("PutRule of the same text = %+v, %v, want nothing changed", again, err)
	}
	again, err = l.PutRule(ctx, "anna", "scan", "text 2", true, true, at(4))
	if err != nil || again.Version != 2 || again.ID != r.ID || again.Changed != at(4) {
		t.Errorf("PutRule of another text = %+v, %v, want version 2", again, err)
	}
	if err := l.EnableRule(ctx, "anna", "scan", false, at(5)); err != nil {
		t.Error(err)
	}
	if r, err := l.Rule(ctx, "anna", "scan"); err != nil || r.Enabled || r.Version != 2 || r.Text != "text 2" {
		t.Errorf("Rule = %+v, %v, want it off and still of version 2", r, err)
	}
	wantKind(t, "EnableRule of nothing", l.EnableRule(ctx, "anna", "x", true, at(5)), fault.NotFound)
	anna := "anna"
	if rules, err := l.Rules(ctx, ledger.RuleQuery{Owner: &anna}); err != nil || len(rules) != 1 {
		t.Errorf("Rules of anna = %+v, %v", rules, err)
	}
	if rules, err := l.Rules(ctx, ledger.RuleQuery{Name: "scan"}); err != nil || len(rules) != 2 {
		t.Errorf("Rules = %+v, %v, want those of both", rules, err)
	}
	if rules, err := l.Rules(ctx, ledger.RuleQuery{ID: other.ID}); err != nil || len(rules) != 1 || rules[0].Owner != "bob" {
		t.Errorf("Rules by number = %+v, %v", rules, err)
	}
}

func testRuleNumbers(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	seen := map[int64]bool{}
	for range 3 {
		r, err := l.PutRule(ctx, "", "mine", "text", true, false, at(1))
		if err != nil || seen[r.ID] {
			t.Fatalf("PutRule = %+v, %v: its number was used before", r, err)
		}
		seen[r.ID] = true
		if gone, err := l.DeleteRule(ctx, "", "mine"); err != nil || gone.ID != r.ID {
			t.Fatalf("DeleteRule = %+v, %v", gone, err)
		}
	}
	_, err := l.DeleteRule(ctx, "", "mine")
	wantKind(t, "DeleteRule of nothing", err, fault.NotFound)
	files := []ledger.FileRule{{Name: "one", Text: "1", Enabled: true}, {Name: "two", Text: "2"}}
	first, err := l.RegisterFileRules(ctx, files, at(2))
	if err != nil || len(first) != 2 || first[0].ID == first[1].ID || seen[first[0].ID] || first[1].Enabled {
		t.Fatalf("RegisterFileRules = %+v, %v", first, err)
	}
	// The first goes out of its file, the second changes; then the first comes back.
	files[1].Text = "2b"
	second, err := l.RegisterFileRules(ctx, files[1:], at(3))
	if err != nil || second[0].ID != first[1].ID || second[0].Version != 2 {
		t.Errorf("RegisterFileRules = %+v, %v, want the number of before and version 2", second, err)
	}
	third, err := l.RegisterFileRules(ctx, files, at(4))
	if err != nil || third[0].ID != first[0].ID || third[0].Version != 1 {
		t.Errorf("RegisterFileRules = %+v, %v, want the numbers of before", third, err)
	}
	_, err = l.PutRule(ctx, "", "one", "mine", true, true, at(5))
	wantKind(t, "PutRule over a rule of a file", err, fault.Conflict)
	_, err = l.DeleteRule(ctx, "", "one")
	wantKind(t, "DeleteRule of a rule of a file", err, fault.Conflict)
	wantKind(t, "EnableRule of a rule of a file", l.EnableRule(ctx, "", "one", false, at(5)), fault.Conflict)
	if _, err := l.PutRule(ctx, "", "three", "mine", true, false, at(5)); err != nil {
		t.Fatal(err)
	}
	_, err = l.RegisterFileRules(ctx, []ledger.FileRule{{Name: "four"}, {Name: "three"}}, at(6))
	wantKind(t, "RegisterFileRules over a rule of the ledger", err, fault.Conflict)
	if rules, err := l.Rules(ctx, ledger.RuleQuery{Name: "four"}); err != nil || len(rules) != 0 {
		t.Errorf("Rules = %+v, %v, want all or nothing of a registration", rules, err)
	}
}

func testSettings(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	if _, ok, err := l.Setting(ctx, "a"); ok || err != nil {
		t.Errorf("Setting of nothing: %v, %v", ok, err)
	}
	for _, value := range []string{"1", "", "2\nä"} {
		if err := l.SetSetting(ctx, "a", value, at(1)); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := l.Setting(ctx, "a"); got != value || !ok || err != nil {
			t.Errorf("Setting = %q, %v, %v, want %q", got, ok, err, value)
		}
	}
}
