package desk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Backup implements api.Service: it copies history and ledger, which between them hold everything that was taken in up to
// now, into a directory that can be used as a data directory.
func (d *Desk) Backup(ctx context.Context, dir string) error {
	if !api.Caller(ctx).Admin {
		return fault.New(fault.Denied, "back up: only an administrator may")
	}
	if !filepath.IsAbs(dir) {
		return fault.New(fault.Invalid, "back up to %q: want an absolute path", dir)
	}
	if !d.backups.TryLock() {
		return fault.New(fault.Conflict, "back up: another backup is under way (wait until it is done)")
	}
	defer d.backups.Unlock()
	switch entries, err := os.ReadDir(dir); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fault.New(fault.Invalid, "back up: %w", err)
	case len(entries) > 0:
		return fault.New(fault.Conflict, "back up: %s is not empty (name another directory)", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.New(fault.Invalid, "back up: %w", err)
	}
	if err := d.Flush(ctx); err != nil {
		return err
	}
	if err := d.parts.History.Backup(ctx, filepath.Join(dir, "history")); err != nil {
		return err
	}
	return d.parts.Backup(ctx, dir)
}
