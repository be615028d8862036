package cli

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

// A TakeOver is what is to be taken over from another program.
type TakeOver struct {
	URL      string         // of its PostgreSQL database; may hold a password and is never shown
	Zone     *time.Location // in which its logs were written; nil: times are as it has them
	DryRun   bool
	Say      func(text string)
	Progress func(done, all int64)
}

// A Taken is what became of one table.
type Taken struct {
	Table string `json:"table"`
	Found int64  `json:"found"`
	New   int64  `json:"new"` // was not there yet
}

func (s *shell) importCommand() *cobra.Command {
	return group(&cobra.Command{Use: "import", Short: "Take over what another program kept"}, s.importLogTrack())
}

func (s *shell) importLogTrack() *cobra.Command {
	var zone string
	var o TakeOver
	c := &cobra.Command{
		Use: "logtrack [postgres://USER@HOST/DATABASE]", Short: "Take over a LogTrack database", Args: cobra.MaximumNArgs(1),
		Long: `Takes log rows, rules, users and alerts over from LogTrack's PostgreSQL database, which is only read. Without an address
DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD say where it is, with LogTrack's defaults. A password may stand in PGPASSWORD
or DB_PASSWORD instead of the address.

Run again it adds what is new and nothing twice; one that broke off goes on. Users keep their passwords. Alerts come as ended
ones of the same rules. LogTrack dropped the offset of times and kept the wall clock: --zone says in which zone that was.`,
		Example: "  tocsin import logtrack postgres://logtrack_user@localhost/logtrack --dry-run\n  tocsin import logtrack --zone Europe/Berlin",
	}
	c.Flags().StringVar(&zone, "zone", "", "time `zone` of the logs, such as Europe/Berlin (default: times are right as they are)")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "count, and keep nothing")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if zone != "" {
			place, err := time.LoadLocation(zone)
			if err != nil {
				return usage("--zone %q: want a zone such as Europe/Berlin or UTC", zone)
			}
			o.Zone = place
		}
		return s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			if o.URL = s.logTrackURL(); len(args) > 0 {
				o.URL = args[0]
			}
			return s.takeOver(ctx, svc, o)
		})(cmd, args)
	}
	return c
}

// logTrackURL is where LogTrack would look for its database.
func (s *shell) logTrackURL() string {
	or := func(name, usual string) string {
		if value := s.Env(name); value != "" {
			return value
		}
		return usual
	}
	u := url.URL{
		Scheme: "postgres", Path: "/" + or("DB_NAME", "logtrack"),
		User: url.UserPassword(or("DB_USER", "logtrack_user"), or("DB_PASSWORD", "secret")),
	}
	host, port := or("DB_HOST", "localhost"), or("DB_PORT", "5432")
	if strings.HasPrefix(host, "/") { // the directory of a socket
		u.RawQuery = url.Values{"host": {host}, "port": {port}}.Encode()
	} else {
		u.Host = net.JoinHostPort(host, port)
	}
	return u.String()
}

func (s *shell) takeOver(ctx context.Context, svc api.Service, o TakeOver) error {
	told := time.Now()
	o.Say = func(text string) { s.say("tocsin: %s", printable(text)) }
	o.Progress = func(done, all int64) {
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			s.say("%d of %d log rows", done, all)
		}
	}
	tables, err := s.Options.TakeOver(ctx, svc, o)
	if err != nil && !slices.ContainsFunc(tables, func(t Taken) bool { return t.Found > 0 }) {
		return err // no table of naughts above it
	}
	out := s.sheet(column{name: "table"}, column{name: "found", right: true}, column{name: "new", right: true})
	for _, t := range tables {
		if err := out.add(t, t.Table, strconv.FormatInt(t.Found, 10), strconv.FormatInt(t.New, 10)); err != nil {
			return err
		}
	}
	if end := out.end(); err == nil {
		err = end
	}
	return err
}
