package desk

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/permission"
)

// Bounds of the audit log. What is done is always written; of what was refused no more lines than these a minute, so that
// nobody fills the ledger by guessing, and then how many more there were.
const (
	refusalsPerMinute = 60
	auditLines        = 1_000_000
	auditPatience     = 30 * time.Second // that a disk may take; what takes longer stands in the log alone
)

// An Auditor writes the audit log. Its methods may be called from several goroutines.
type Auditor struct {
	ledger *ledger.Ledger
	log    *slog.Logger

	mu       sync.Mutex
	minute   int64 // that the counts are of, since 1970
	refused  int
	withheld int
}

// NewAuditor returns an auditor that writes to a ledger. What cannot be written there is told in the log.
func NewAuditor(l *ledger.Ledger, log *slog.Logger) *Auditor { return &Auditor{ledger: l, log: log} }

// draft begins the line of what the caller does.
func draft(ctx context.Context, op permission.Operation, subject, became string) *ledger.Draft {
	way := api.Came(ctx)
	return &ledger.Draft{AuditLine: ledger.AuditLine{
		At: time.Now(), Who: api.Caller(ctx).User, Via: way.Via, From: way.From, What: string(op), Subject: subject, Became: became, Outcome: ledger.Done,
	}}
}

// change makes a change and leaves a line behind: in the transaction of the change, if that is one of the ledger, else right
// after it; and also when it fails or is refused.
func (a *Auditor) change(ctx context.Context, d *ledger.Draft, do func(context.Context) error) error {
	err := do(ledger.Audited(ctx, d))
	switch {
	case err != nil:
		a.failed(ctx, d.AuditLine, err)
	case !d.Written:
		a.write(ctx, d.AuditLine)
	}
	return err
}

// failed writes why something was not done.
func (a *Auditor) failed(ctx context.Context, line ledger.AuditLine, err error) {
	line.Outcome = "failed: " + err.Error()
	switch fault.Kind(err) {
	case fault.Denied, fault.Conflict, fault.Invalid, fault.NotFound: //nolint:errorlint // Kind gives the very values
		line.Outcome = "refused: " + err.Error()
	}
	line.Was = ""
	if a.mayRefuse(ctx, line.At) {
		a.write(ctx, line)
	}
}

// mayRefuse counts the lines of what was refused, and when another minute begins tells how many were left out.
func (a *Auditor) mayRefuse(ctx context.Context, now time.Time) bool {
	a.mu.Lock()
	minute, withheld := now.Unix()/60, 0
	if minute != a.minute {
		withheld, a.minute, a.refused, a.withheld = a.withheld, minute, 0, 0
	}
	a.refused++
	may := a.refused <= refusalsPerMinute
	if !may {
		a.withheld++
	}
	a.mu.Unlock()
	if withheld > 0 {
		a.write(ctx, ledger.AuditLine{At: now, Via: "process", What: "audit", Outcome: fmt.Sprintf("%d more refusals were not written one by one", withheld)})
	}
	return may
}

// write adds one line, also when who asked is gone by now.
func (a *Auditor) write(ctx context.Context, line ledger.AuditLine) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditPatience)
	defer cancel()
	if err := a.ledger.WriteAudit(ctx, line); err != nil {
		a.log.Error("audit log not written", "who", line.Who, "what", line.What, "subject", line.Subject, "outcome", line.Outcome, "err", err)
	}
}

// Did implements httpapi.Auditor.
func (a *Auditor) Did(ctx context.Context, op permission.Operation, subject string) {
	d := draft(ctx, op, subject, "")
	if op == permission.LogIn || op == permission.SetUp {
		within, cancel := context.WithTimeout(ledger.Audited(context.WithoutCancel(ctx), d), auditPatience)
		defer cancel()
		if err := a.ledger.NoteLogin(within, api.Caller(ctx).User, d.At); err == nil && d.Written {
			return
		}
		d.Written = false
	}
	a.write(ctx, d.AuditLine)
}

// Refused implements httpapi.Auditor.
func (a *Auditor) Refused(ctx context.Context, op permission.Operation, subject string, err error) {
	a.failed(ctx, draft(ctx, op, subject, "").AuditLine, err)
}

// Prune deletes lines of the audit log that are older than keep, unless that is 0, and the oldest of too many, now and then
// until ctx ends.
func (a *Auditor) Prune(ctx context.Context, keep time.Duration) {
	for {
		var before time.Time
		if keep > 0 {
			before = time.Now().Add(-keep)
		}
		n, err := a.ledger.PruneAudit(ctx, before, auditLines)
		switch {
		case err != nil && ctx.Err() == nil:
			a.log.Warn("audit log not pruned", "err", err)
		case n > 0:
			a.log.Info("audit log pruned", "lines", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pruneEvery):
		}
	}
}

const pruneEvery = 6 * time.Hour
