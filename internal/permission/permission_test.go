package permission

import (
	"errors"
	"slices"
	"testing"

	"tocsin/internal/fault"
)

func TestTableIsWhole(t *testing.T) {
	seen := map[Operation]bool{}
	for _, l := range Table() {
		switch {
		case seen[l.Operation]:
			t.Errorf("%s stands twice", l.Operation)
		case l.Least < Anyone || l.Least > Admin:
			t.Errorf("%s: least role %d", l.Operation, l.Least)
		case l.Scope != "" && !slices.Contains(Scopes(), l.Scope):
			t.Errorf("%s: scope %q", l.Operation, l.Scope)
		case l.Scope == "" && l.Least > User:
			t.Errorf("%s is for administrators, and any token of one may do it", l.Operation)
		case l.Doc == "":
			t.Errorf("%s: nothing says what it is", l.Operation)
		case l.Changes && l.Scope == Read:
			t.Errorf("%s changes something, and a token for reading may do it", l.Operation)
		}
		seen[l.Operation] = true
		if got, known := Of(l.Operation); !known || got != l {
			t.Errorf("Of(%s) = %+v, %v", l.Operation, got, known)
		}
	}
}

func TestCheck(t *testing.T) {
	token := func(admin bool, scopes ...Scope) Holder { return Holder{User: "u", Admin: admin, Scopes: scopes} }
	for _, c := range []struct {
		op   Operation
		who  Holder
		want bool
	}{
		{Alive, Holder{}, true},
		{Search, Holder{}, false},
		{Search, Holder{User: "u"}, true},
		{Search, token(false, Read), true},
		{Search, token(false, Send), false},
		{Search, token(true, Send), false},
		{Search, token(true, Send, Act), true},
		{SendEvents, token(false, Send), true},
		{SendEvents, token(true, Read, Act), false},
		{ActOnAlert, token(true, Read), false},
		{ActOnAlert, token(false, Read, Act), true},
		{MakeToken, token(true, Read, Act, Send), false},
		{MakeToken, token(false, Whole), true},
		{AddUser, token(false, Whole), false},
		{AddUser, Holder{User: "u"}, false},
		{AddUser, token(true, Whole), true},
		{LogOut, token(false, Send), true},
		{"made up", Holder{User: "u"}, false},
		{"made up", token(true, Read), false},
		{"made up", Holder{User: "u", Admin: true}, true},
		{AddUser, Holder{Admin: true}, false}, // nobody is no administrator
	} {
		err := Check(c.op, c.who)
		if (err == nil) != c.want || err != nil && !errors.Is(err, fault.Denied) {
			t.Errorf("Check(%s, %+v) = %v, want let in %v", c.op, c.who, err, c.want)
		}
	}
}

func TestScopes(t *testing.T) {
	got, err := ParseScopes(" send,read , read")
	if err != nil || FormatScopes(got) != "read,send" {
		t.Errorf("ParseScopes = %v, %v", got, err)
	}
	for _, text := range []string{"", "read,", "all", "READ", "read;send", "*"} {
		if got, err := ParseScopes(text); !errors.Is(err, fault.Invalid) {
			t.Errorf("ParseScopes(%q) = %v, %v, want fault.Invalid", text, got, err)
		}
	}
}
