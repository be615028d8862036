package ledgertest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// drafted makes changes that leave lines in the audit log.
func drafted(ctx context.Context, second int, what, subject string) context.Context {
	return ledger.Audited(ctx, &ledger.Draft{AuditLine: ledger.AuditLine{At: at(second), Who: "anna", Via: "http", From: "192.0.2.1", What: what, Subject: subject}})
}

// told lists the audit log, the oldest line first, as "second what subject: was > became = outcome".
func told(t *testing.T, l *ledger.Ledger, q ledger.AuditQuery) (list []string) {
	t.Helper()
	lines, err := l.Audit(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range lines {
		text := a.What + " " + a.Subject + ": " + a.Was + " > " + a.Became + " = " + a.Outcome
		list = append([]string{strings.ReplaceAll(text, "\n", "|")}, list...)
	}
	return list
}

// testPeople: what is changed of accounts, their rules and tokens stands in the audit log, with what was before.
func testPeople(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s = %v", what, err)
		}
	}
	_, err := l.CreateUser(drafted(ctx, 1, "users.add", "user anna"), "anna", "correct horse", true, at(1))
	ok("CreateUser", err)
	_, err = l.CreateUser(drafted(ctx, 2, "users.add", "user bob"), "bob", "battery staple", false, at(2))
	ok("CreateUser", err)
	const filter = `source.ip in cidr("10.0.0.0/8")`
	wantKind(t, "SetFilter of an administrator", l.SetFilter(ctx, "anna", filter, at(3)), fault.Conflict)
	ok("SetFilter", l.SetFilter(drafted(ctx, 3, "users.filter", "user bob"), "bob", filter, at(3)))
	wantKind(t, "SetAdmin of who is bounded", l.SetAdmin(drafted(ctx, 4, "users.role", "user bob"), "bob", true, at(4)), fault.Conflict)
	if u, err := l.User(ctx, "bob"); err != nil || u.Filter != filter || u.Admin {
		t.Errorf("User = %+v, %v", u, err)
	}
	ok("SetFilter", l.SetFilter(drafted(ctx, 5, "users.filter", "user bob"), "bob", "", at(5)))
	ok("SetAdmin", l.SetAdmin(drafted(ctx, 6, "users.role", "user bob"), "bob", true, at(6)))
	ok("SetPassword", l.SetPassword(drafted(ctx, 7, "users.password", "user bob"), "bob", "very secret words", at(7)))
	ok("NoteLogin", l.NoteLogin(drafted(ctx, 8, "login", "user bob"), "bob", at(8)))
	if u, err := l.User(ctx, "bob"); err != nil || !u.LastLogin.Equal(at(8)) {
		t.Errorf("User after a login = %+v, %v", u, err)
	}
	_, token, err := l.CreateToken(drafted(ctx, 9, "tokens.make", "user bob"), "bob", "agent", "send", at(1000), at(9))
	ok("CreateToken", err)
	if n, err := l.RevokeTokens(drafted(ctx, 10, "tokens.revoke", "tokens of bob"), "bob", at(10)); err != nil || n != 1 {
		t.Errorf("RevokeTokens = %d, %v", n, err)
	}
	_, err = l.PutRule(drafted(ctx, 11, "rules.change", "rule scan of bob"), "bob", "scan", "one", true, false, at(11))
	ok("PutRule", err)
	_, err = l.PutRule(drafted(ctx, 12, "rules.change", "rule scan of bob"), "bob", "scan", "two", true, true, at(12))
	ok("PutRule", err)
	ok("EnableRule", l.EnableRule(drafted(ctx, 13, "rules.enable", "rule scan of bob"), "bob", "scan", false, at(13)))

	want := []string{
		"users.add user anna:  > administrator = done",
		"users.add user bob:  > user = done",
		"users.filter user bob: user > user, sees " + filter + " = done",
		"users.filter user bob: user, sees " + filter + " > user = done",
		"users.role user bob: user > administrator = done",
		"users.password user bob:  >  = done",
		"login user bob:  >  = done",
		"tokens.make user bob:  > " + "token 1 of bob (agent) for send, until " + at(1000).UTC().Format(time.RFC3339) + " = done",
		"tokens.revoke tokens of bob:  >  = done",
		"rules.change rule scan of bob:  > enabled|one = done",
		"rules.change rule scan of bob: enabled|one > enabled|two = done",
		"rules.enable rule scan of bob: enabled > disabled = done",
	}
	if diff := cmp.Diff(want, told(t, l, ledger.AuditQuery{})); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	if token.Scopes != "send" || strings.Contains(strings.Join(want, ""), "secret") {
		t.Errorf("token %+v", token)
	}
	testAuditQuery(t, l)
	testRemoval(t, l)
}

func testAuditQuery(t *testing.T, l *ledger.Ledger) {
	for name, c := range map[string]struct {
		q    ledger.AuditQuery
		want int
	}{
		"one operation": {ledger.AuditQuery{What: "users.role"}, 1}, "a kind of them": {ledger.AuditQuery{What: "users"}, 6},
		"half a word": {ledger.AuditQuery{What: "user"}, 0}, "a wildcard": {ledger.AuditQuery{What: "%"}, 0},
		"subject": {ledger.AuditQuery{Subject: "scan"}, 3}, "who": {ledger.AuditQuery{Who: "bob"}, 0},
		"since": {ledger.AuditQuery{Since: at(12)}, 2}, "until": {ledger.AuditQuery{Until: at(2)}, 1},
		"since a number": {ledger.AuditQuery{SinceID: 10}, 2}, "few": {ledger.AuditQuery{Limit: 3}, 3},
	} {
		if got := told(t, l, c.q); len(got) != c.want {
			t.Errorf("%s: %d lines, want %d: %q", name, len(got), c.want, got)
		}
	}
	if n, err := l.PruneAudit(t.Context(), at(3), 8); err != nil || n != 4 {
		t.Errorf("PruneAudit = %d, %v, want 4", n, err)
	}
	if got := told(t, l, ledger.AuditQuery{}); len(got) != 8 {
		t.Errorf("%d lines are left, want 8", len(got))
	}
	foul := ledger.AuditLine{At: at(20), Who: "\x00\xff", What: "login", Became: strings.Repeat("é", 5000), Outcome: "no"}
	if err := l.WriteAudit(t.Context(), foul); err != nil {
		t.Errorf("WriteAudit of foul text = %v", err)
	}
	lines, err := l.Audit(t.Context(), ledger.AuditQuery{Limit: 1})
	if err != nil || len(lines) != 1 || lines[0].Who != "\uFFFD\uFFFD" || len(lines[0].Became) > 4096 {
		t.Errorf("foul line is %+v, %v", lines, err)
	}
}

// testRemoval: who is deleted leaves nothing behind that a later account of that name could use.
func testRemoval(t *testing.T, l *ledger.Ledger) {
	ctx := t.Context()
	rule, err := l.Rule(ctx, "bob", "scan")
	if err != nil {
		t.Fatal(err)
	}
	ref := ledger.RuleRef{ID: rule.ID, Version: 1, Name: "scan", Owner: "bob", Severity: alert.High}
	step(t, l, 1, ledger.Write{Rule: ref, Entity: host("a"), Episodes: write(rule.ID, host("a"), trigger(1, 1, 11)).Episodes})
	to := func(name string) *string { return &name }
	wantKind(t, "DeleteUser who owns rules", l.DeleteUser(ctx, ledger.Removal{Name: "bob"}), fault.Conflict)
	wantKind(t, "DeleteUser in two ways", l.DeleteUser(ctx, ledger.Removal{Name: "bob", WithRules: true, To: to("anna")}), fault.Invalid)
	wantKind(t, "DeleteUser to himself", l.DeleteUser(ctx, ledger.Removal{Name: "bob", To: to("bob")}), fault.Invalid)
	wantKind(t, "DeleteUser to nobody", l.DeleteUser(ctx, ledger.Removal{Name: "bob", To: to("carl")}), fault.NotFound)
	wantKind(t, "DeleteUser of nobody", l.DeleteUser(ctx, ledger.Removal{Name: "carl"}), fault.NotFound)
	if _, err := l.PutRule(ctx, "anna", "scan", "hers", true, false, at(21)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "DeleteUser to who has a rule of that name", l.DeleteUser(ctx, ledger.Removal{Name: "bob", To: to("anna")}), fault.Conflict)
	if err := l.DeleteUser(drafted(ctx, 22, "users.delete", "user bob"), ledger.Removal{Name: "bob", WithRules: true}); err != nil {
		t.Fatal(err)
	}
	if got := told(t, l, ledger.AuditQuery{What: "users.delete"}); len(got) != 1 || got[0] != "users.delete user bob: administrator > deleted = done" {
		t.Errorf("audit log of the deletion: %q", got)
	}
	if _, err := l.CreateUser(ctx, "bob", "another bob", false, at(23)); err != nil {
		t.Fatal(err)
	}
	rules, err := l.Rules(ctx, ledger.RuleQuery{Owner: to("bob")})
	tokens, tokensErr := l.Tokens(ctx, "bob")
	alerts, alertsErr := l.Alerts(ctx, ledger.AlertQuery{Owner: to("bob")})
	left, leftErr := l.Alerts(ctx, ledger.AlertQuery{Owner: to("bob (deleted)")})
	if err != nil || tokensErr != nil || alertsErr != nil || leftErr != nil || len(rules)+len(tokens)+len(alerts) != 0 || len(left) != 1 {
		t.Errorf("a new bob has %d rules, %d tokens, %d alerts; the deleted one has %d alerts, want 0, 0, 0 and 1", len(rules), len(tokens), len(alerts), len(left))
	}
	if _, err := l.PutRule(ctx, "bob", "other", "his", true, false, at(24)); err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteUser(ctx, ledger.Removal{Name: "bob", To: to("")}); err != nil {
		t.Errorf("DeleteUser to everybody = %v", err)
	}
	if r, err := l.Rule(ctx, "", "other"); err != nil || r.Text != "his" {
		t.Errorf("rule handed over to everybody: %+v, %v", r, err)
	}
	wantKind(t, "DeleteUser of the last administrator", l.DeleteUser(ctx, ledger.Removal{Name: "anna", WithRules: true}), fault.Conflict)
}
