package ledger

import (
	"context"
	"database/sql"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
)

// OwnRule gives a rule of tocsin's own alerts its number, which is never used again. The name must begin with
// alert.OwnPrefix.
func (l *Ledger) OwnRule(ctx context.Context, name string, now time.Time) (Rule, error) {
	if !alert.IsOwn(name) {
		return Rule{}, fault.New(fault.Invalid, "rule %q: want a name that begins with %s", cut(name, maxKey), alert.OwnPrefix)
	}
	if err := checkName(name); err != nil {
		return Rule{}, err
	}
	var r Rule
	err := l.write(ctx, "number rule "+name, func(ctx context.Context, tx *sql.Tx) error {
		old, err := ruleByName(ctx, tx, "", name)
		switch {
		case err != nil:
			return err
		case old == nil:
			r, err = insertRule(ctx, tx, Rule{Name: name, Origin: InTocsin, Enabled: true}, now)
			return err
		case old.Origin != InTocsin:
			return fault.New(fault.Conflict, "rule %q has a name of tocsin's own alerts: delete it, or give it another name", name)
		}
		r = *old
		return nil
	})
	return r, err
}
