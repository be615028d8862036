package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// What alerts follow is asked besides which alerts.
type followFlags struct {
	since     string
	stateFile string
	exec      string
	limit     time.Duration
	keepGoing bool
	once      bool
}

func (s *shell) alertFollow() *cobra.Command {
	var q api.AlertRequest
	var f followFlags
	c := &cobra.Command{
		Use: "follow [-- ARGUMENT...]", Short: "Print each change of an alert as it happens, or run a program for it", Args: cobra.ArbitraryArgs,
		Long: `Prints each change of an alert once: as key=value in a line, or with -o json as one JSON object. It goes on when tocsin is started anew.
With --state-file it goes on where it was also after its own end, and misses nothing in between; after a crash it may tell the last change
twice. --once ends when all that has changed so far was told, which suits cron.

--exec runs a program for each change instead, one at a time and without a shell, with the arguments that stand behind --. It finds the change as
JSON on its standard input and in its environment: TOCSIN_CHANGE (CREATE, UPDATE or END), TOCSIN_CHANGE_ID, TOCSIN_ALERT_ID, TOCSIN_RULE,
TOCSIN_OWNER, TOCSIN_TITLE, TOCSIN_SEVERITY, TOCSIN_STATE, TOCSIN_ENTITY, TOCSIN_REASON, TOCSIN_TRIGGERS, TOCSIN_VALUE, TOCSIN_LIMIT, TOCSIN_FIRST,
TOCSIN_LAST and TOCSIN_ENDED_AT. When it fails, alerts follow ends and tells its exit code; the next run begins with the same change.`,
		Example: `  tocsin alerts follow --min-severity HIGH
  tocsin alerts follow --once --state-file ~/.tocsin-seen --exec /usr/local/bin/block-address
  tocsin alerts follow -o json --since-change 0 | jq .alert.title`,
		Annotations: map[string]string{"line": "yes"},
	}
	s.alertFilterFlags(c, &q)
	c.Flags().StringVar(&f.since, "since-change", "", "begin behind the change of this `number`, 0 with all there is (default: with what changes from now on)")
	c.Flags().StringVar(&f.stateFile, "state-file", "", "`file` that holds how far it is; what it says goes before --since-change")
	c.Flags().StringVar(&f.exec, "exec", "", "`program` to run for each change")
	c.Flags().DurationVar(&f.limit, "exec-limit", time.Minute, "`time` after which the program is killed, with all that it started")
	c.Flags().BoolVar(&f.keepGoing, "keep-going", false, "go on with the next change when the program fails")
	c.Flags().BoolVar(&f.once, "once", false, "end when all that has changed so far was told")
	must(c.MarkFlagFilename("state-file"))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		form, err := s.form(c, "line", "json")
		if err != nil {
			return err
		}
		follow, err := f.question(&q, args)
		if err != nil {
			return err
		}
		if !f.once && s.Running != nil && !s.Running(ctx, s.common) {
			return fault.New(fault.Unavailable, "no tocsin runs, so nothing will change (start it with tocsin serve; --once tells what has changed so far)")
		}
		return s.follow(ctx, svc, follow, &follower{shell: s, form: form, flags: f, args: args})
	})
	return c
}

// question turns the flags into what is asked, and refuses what makes no sense.
func (f *followFlags) question(q *api.AlertRequest, args []string) (api.AlertFollow, error) {
	follow := api.AlertFollow{SinceChange: api.FromNow}
	q.Limit = alertPage
	if err := checkAlertQuery(q, nil); err != nil {
		return follow, err
	}
	follow.States, follow.Rule, follow.User, follow.MinSeverity = q.States, q.Rule, q.User, q.MinSeverity
	if f.since != "" {
		n, err := strconv.ParseInt(f.since, 10, 64)
		if err != nil || n < 0 {
			return follow, usage("--since-change %q: want the number of a change, or 0 for all", f.since)
		}
		follow.SinceChange = n
	}
	if f.exec == "" && (len(args) > 0 || f.keepGoing) {
		return follow, usage("arguments and --keep-going are for a program: want --exec")
	}
	if f.limit < 100*time.Millisecond || f.limit > 24*time.Hour {
		return follow, usage("--exec-limit %s: want 100ms to 24h", f.limit)
	}
	return follow, nil
}

// A follower tells changes, and keeps how far it is.
type follower struct {
	shell  *shell
	form   string
	flags  followFlags
	args   []string // of the program
	cursor *cursorFile
	failed int
}

// errTold ends what was asked when it is known.
var errTold = errors.New("all was told")

// follow tells changes until ctx ends or, with --once, all were told.
func (s *shell) follow(ctx context.Context, svc api.Service, q api.AlertFollow, f *follower) (err error) {
	if f.flags.stateFile != "" {
		if f.cursor, err = openCursor(f.flags.stateFile); err != nil {
			return refused(err)
		}
		if f.cursor.known {
			q.SinceChange = f.cursor.at
		}
		defer func() { err = errors.Join(err, f.cursor.save()) }()
	}
	q.Reached = func(change int64) error { return f.cursor.move(change, 0) }
	q.Broken = func(err error) { s.say("tocsin: %s; trying again", printable(err.Error())) }
	each := func(c api.AlertChange) error { return f.tell(ctx, &c) }
	if f.flags.once {
		err = f.catchUp(ctx, svc, q, each)
	} else {
		err = svc.FollowAlerts(ctx, q, each)
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		err = nil // that is how it ends
	case q.SinceChange > 0 && errors.Is(err, fault.Invalid):
		err = refused(err)
	}
	if err == nil && f.failed > 0 {
		s.say("tocsin: %s of %s failed", plural(int64(f.failed), "run"), printable(f.flags.exec))
		return errQuiet
	}
	return err
}

// tell hands one change to who wants it.
func (f *follower) tell(ctx context.Context, c *api.AlertChange) error {
	if f.flags.exec != "" {
		if err := f.run(ctx, c); err != nil {
			if !f.flags.keepGoing {
				return err
			}
			f.failed++
			f.shell.say("tocsin: %s", printable(err.Error()))
		}
		return f.cursor.move(c.Change, 0)
	}
	var err error
	if f.form == "json" {
		err = writeJSON(f.shell.Out, c)
	} else {
		_, err = fmt.Fprintln(f.shell.Out, alertLine(&c.Alert))
	}
	if err != nil {
		return err
	}
	return f.cursor.move(c.Change, saveEvery)
}

// saveEvery is how often the state file is written while changes are printed, which costs more than printing them.
const saveEvery = 200 * time.Millisecond

// catchUp tells what has changed so far, page by page.
func (f *follower) catchUp(ctx context.Context, svc api.Service, q api.AlertFollow, each func(api.AlertChange) error) error {
	newest, err := newestChange(ctx, svc)
	if err != nil {
		return err
	}
	if q.SinceChange > newest {
		return fault.New(fault.Invalid, "%s is at change %d, but the newest change is %d: it is of another ledger (move it away)", f.from(), q.SinceChange, newest)
	}
	page := api.AlertRequest{States: q.States, Rule: q.Rule, User: q.User, MinSeverity: q.MinSeverity, SinceChange: q.SinceChange, Limit: alertPage}
	if page.SinceChange == 0 {
		page.SinceChange = -1 // all
	}
	for more := q.SinceChange != api.FromNow; more; {
		list, err := svc.Alerts(ctx, page)
		if err != nil {
			return err
		}
		for i := range list {
			page.SinceChange = list[i].Change
			if err := each(api.AlertChange{Change: list[i].Change, Alert: list[i]}); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		more = len(list) == alertPage
	}
	return f.cursor.move(newest, 0)
}

// from names what says how far it is.
func (f *follower) from() string {
	if f.cursor != nil && f.cursor.known {
		return f.cursor.path
	}
	return "--since-change"
}

// newestChange returns the number of the newest change of all alerts.
func newestChange(ctx context.Context, svc api.Service) (newest int64, err error) {
	err = svc.FollowAlerts(ctx, api.AlertFollow{SinceChange: api.FromNow, Reached: func(change int64) error {
		newest = change
		return errTold
	}}, func(api.AlertChange) error { return nil })
	if errors.Is(err, errTold) {
		err = nil
	}
	return newest, err
}
