package cli

import (
	"context"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A database that cannot be reached has no tables to tell of; what was taken over before it went away is told.
func TestImportThatFails(t *testing.T) {
	for found, want := range map[int64]string{0: "", 7: "TABLE  FOUND  NEW\nrules      7    7\nlogs       0    0\n"} {
		r := (&run{svc: &recorder{}, change: func(o *Options) {
			o.TakeOver = func(context.Context, api.Service, TakeOver) ([]Taken, error) {
				return []Taken{{"rules", found, found}, {"logs", 0, 0}}, fault.New(fault.Unavailable, "the database is away")
			}
		}}).do(t, "import", "logtrack", "postgres://nobody@127.0.0.1:1/none")
		r.want(t, 1, "", "tocsin: the database is away\n")
		if r.out != want {
			t.Errorf("with %d rows found the output is %q, want %q", found, r.out, want)
		}
	}
}
