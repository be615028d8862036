package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
)

// Where a rule is written.
const (
	InLedger = "ledger" // made by a command or in the page; the ledger has its text
	InFile   = "file"   // stands in a file; the ledger keeps its number
	InTocsin = "tocsin" // is tocsin itself, that tells of its own state; the ledger keeps its number
)

// A Rule is a rule as stored. Its number is never used again, its name is unique for its owner.
type Rule struct {
	ID      int64
	Owner   string // account, or "" for a rule of everybody's
	Name    string
	Origin  string // InLedger, InFile or InTocsin
	Text    string // YAML
	Version int    // 1 at first, one more with each change of Text
	Enabled bool
	Created time.Time
	Changed time.Time
}

// A RuleQuery selects rules; a zero field selects all.
type RuleQuery struct {
	ID     int64
	Owner  *string
	Name   string
	Origin string
}

const ruleColumns = `id, owner, name, origin, body, version, enabled, created, changed`

func scanRule(from scanner) (r Rule, err error) {
	var enabled, created, changed int64
	err = from.Scan(&r.ID, &r.Owner, &r.Name, &r.Origin, &r.Text, &r.Version, &enabled, &created, &changed)
	r.Enabled, r.Created, r.Changed = enabled != 0, instant(created), instant(changed)
	return r, err
}

// Rules returns the rules that q selects, by owner and name.
func (l *Ledger) Rules(ctx context.Context, q RuleQuery) ([]Rule, error) {
	var rules []Rule
	err := l.read(ctx, "list rules", func(ctx context.Context, db *sql.DB) error {
		anyone, owner := int64(1), ""
		if q.Owner != nil {
			anyone, owner = 0, clean(*q.Owner)
		}
		found, err := db.QueryContext(ctx, `SELECT `+ruleColumns+` FROM rules WHERE ($1 = 0 OR id = $1) AND ($2 = 1 OR owner = $3)
AND ($4 = '' OR name = $4) AND ($5 = '' OR origin = $5) ORDER BY owner, name`, q.ID, anyone, owner, clean(q.Name), clean(q.Origin))
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			r, err := scanRule(found)
			if err != nil {
				return err
			}
			rules = append(rules, r)
		}
		return found.Err()
	})
	return rules, err
}

// Rule returns the rule of an owner by name.
func (l *Ledger) Rule(ctx context.Context, owner, name string) (Rule, error) {
	rules, err := l.Rules(ctx, RuleQuery{Owner: &owner, Name: name})
	if err != nil {
		return Rule{}, err
	}
	if len(rules) == 0 || name == "" {
		return Rule{}, noRule(owner, name)
	}
	return rules[0], nil
}

func noRule(owner, name string) error {
	if owner == "" {
		return fault.New(fault.NotFound, "no rule %q", name)
	}
	return fault.New(fault.NotFound, "no rule %q of %s", name, owner)
}

// PutRule adds a rule, or with replace changes the text of the one of the same owner and name, which raises its version
// unless the text is the same. A rule that stands in a file can be changed only there.
func (l *Ledger) PutRule(ctx context.Context, owner, name, text string, enabled, replace bool, now time.Time) (Rule, error) {
	if err := checkRuleName(name); err != nil {
		return Rule{}, err
	}
	var r Rule
	err := l.write(ctx, "store rule "+name, func(ctx context.Context, tx *sql.Tx) error {
		old, err := ruleByName(ctx, tx, owner, name)
		switch {
		case err != nil:
			return err
		case old == nil && replace:
			return noRule(owner, name)
		case old == nil:
			if r, err = insertRule(ctx, tx, Rule{Owner: owner, Name: name, Origin: InLedger, Text: text, Enabled: enabled}, now); err != nil {
				return err
			}
			return note(ctx, tx, "", r.words())
		case old.Origin == InFile:
			return fault.New(fault.Conflict, "rule %q stands in a file: change it there", name)
		case !replace:
			return fault.New(fault.Conflict, "there is a rule %q already: edit it, or choose another name", name)
		}
		if r, err = changeRule(ctx, tx, *old, text, enabled, now); err != nil {
			return err
		}
		return note(ctx, tx, old.words(), r.words())
	})
	return r, err
}

// words says of a rule what the audit log tells.
func (r *Rule) words() string {
	return able(r.Enabled) + "\n" + r.Text
}

// A FileRule is a rule that stands in a file.
type FileRule struct {
	Name    string
	Text    string
	Enabled bool
}

// RegisterFileRules gives the rules of the configured files their numbers, in the order given. A rule that goes out of its
// file keeps its number for the day on which it comes back.
func (l *Ledger) RegisterFileRules(ctx context.Context, files []FileRule, now time.Time) ([]Rule, error) {
	var rules []Rule
	err := l.write(ctx, "register rules of files", func(ctx context.Context, tx *sql.Tx) error {
		rules = make([]Rule, len(files))
		for i, f := range files {
			if err := checkRuleName(f.Name); err != nil {
				return err
			}
			old, err := ruleByName(ctx, tx, "", f.Name)
			switch {
			case err != nil:
			case old == nil:
				rules[i], err = insertRule(ctx, tx, Rule{Name: f.Name, Origin: InFile, Text: f.Text, Enabled: f.Enabled}, now)
			case old.Origin != InFile:
				err = fault.New(fault.Conflict, "rule %q stands in a file and in the ledger: delete one of them, or choose another name", f.Name)
			default:
				rules[i], err = changeRule(ctx, tx, *old, f.Text, f.Enabled, now)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return rules, err
}

// EnableRule switches a rule on or off.
func (l *Ledger) EnableRule(ctx context.Context, owner, name string, enabled bool, now time.Time) error {
	return l.write(ctx, "switch rule "+name, func(ctx context.Context, tx *sql.Tx) error {
		old, err := ruleByName(ctx, tx, owner, name)
		switch {
		case err != nil:
			return err
		case old == nil:
			return noRule(owner, name)
		case old.Origin == InFile:
			return fault.New(fault.Conflict, "rule %q stands in a file: change it there", name)
		}
		if _, err = changeRule(ctx, tx, *old, old.Text, enabled, now); err != nil {
			return err
		}
		return note(ctx, tx, able(old.Enabled), able(enabled))
	})
}

// DeleteRule removes a rule. Its alerts stay; see EndRule for those that are open.
func (l *Ledger) DeleteRule(ctx context.Context, owner, name string) (Rule, error) {
	var r Rule
	err := l.write(ctx, "delete rule "+name, func(ctx context.Context, tx *sql.Tx) error {
		old, err := ruleByName(ctx, tx, owner, name)
		switch {
		case err != nil:
			return err
		case old == nil:
			return noRule(owner, name)
		case old.Origin == InFile:
			return fault.New(fault.Conflict, "rule %q stands in a file: delete it there", name)
		}
		r = *old
		if _, err = tx.ExecContext(ctx, `DELETE FROM rules WHERE id = $1`, r.ID); err != nil {
			return err
		}
		return note(ctx, tx, r.words(), "deleted")
	})
	return r, err
}

func able(enabled bool) string {
	if enabled {
		return "enabled"
	}
	return "disabled"
}

// checkRuleName refuses names that rules of people cannot have.
func checkRuleName(name string) error {
	if alert.IsOwn(name) {
		return fault.New(fault.Invalid, "rule name %q: names that begin with %s are those of tocsin's own alerts", cut(name, 200), alert.OwnPrefix)
	}
	return checkName(name)
}

func checkName(name string) error {
	if name == "" || len(name) > 200 || clean(name) != name || strings.ContainsAny(name, "\r\n\t") {
		return fault.New(fault.Invalid, "rule name %q: want 1 to 200 bytes of text in one line", cut(name, 200))
	}
	return nil
}

func ruleByName(ctx context.Context, tx *sql.Tx, owner, name string) (*Rule, error) {
	r, err := scanRule(tx.QueryRowContext(ctx, `SELECT `+ruleColumns+` FROM rules WHERE owner = $1 AND name = $2`, clean(owner), clean(name)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // no rule is an answer here
	}
	return &r, err
}

func insertRule(ctx context.Context, tx *sql.Tx, r Rule, now time.Time) (Rule, error) {
	r.Version, r.Created, r.Changed = 1, now.UTC(), now.UTC()
	r.Owner, r.Text = clean(r.Owner), clean(r.Text)
	err := tx.QueryRowContext(ctx, `INSERT INTO rules (owner, name, origin, body, version, enabled, created, changed)
VALUES ($1, $2, $3, $4, 1, $5, $6, $6) RETURNING id`, r.Owner, r.Name, r.Origin, r.Text, flag(r.Enabled), nanos(now)).Scan(&r.ID)
	if err != nil {
		return r, fmt.Errorf("insert rule %q: %w", r.Name, err)
	}
	return r, nil
}

// changeRule stores another text or switch; it leaves a rule alone that has both already.
func changeRule(ctx context.Context, tx *sql.Tx, r Rule, text string, enabled bool, now time.Time) (Rule, error) {
	text = clean(text)
	if r.Text == text && r.Enabled == enabled {
		return r, nil
	}
	if r.Text != text {
		r.Version++
	}
	r.Text, r.Enabled, r.Changed = text, enabled, now.UTC()
	_, err := tx.ExecContext(ctx, `UPDATE rules SET body = $1, enabled = $2, version = $3, changed = $4 WHERE id = $5`,
		r.Text, flag(enabled), int64(r.Version), nanos(now), r.ID)
	if err != nil {
		return r, fmt.Errorf("change rule %q: %w", r.Name, err)
	}
	return r, nil
}
