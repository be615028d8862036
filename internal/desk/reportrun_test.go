package desk

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// The insides of a fault are for the log and for administrators; what an owner can mend is for him.
func TestUnanswered(t *testing.T) {
	var log strings.Builder
	d := New(Parts{Log: slog.New(slog.NewTextHandler(&log, nil))})
	own, mistake := errors.New("open /srv/tocsin/history/x: input/output error"), fault.New(fault.Invalid, `no list "drp"`)
	for _, c := range []struct {
		err   error
		admin bool
		tells string
		logs  bool
	}{
		{own, false, "tocsin could not do this; its log says why", true},
		{own, true, own.Error(), true},
		{mistake, false, mistake.Error(), false},
	} {
		log.Reset()
		job := reportJob{kept: ledger.SavedReport{Account: "bob", Name: "nightly"}, owner: ledger.User{Name: "bob", Admin: c.admin}}
		if got := d.unanswered(&job, c.err); got != c.tells {
			t.Errorf("%v is told as %q, want %q (administrator: %v)", c.err, got, c.tells, c.admin)
		}
		if logged := log.String(); strings.Contains(logged, "/srv/tocsin") != c.logs || c.logs && !strings.Contains(logged, "report=nightly") {
			t.Errorf("%v is logged as %q", c.err, logged)
		}
	}
}
