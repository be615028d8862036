package app

import (
	"context"
	"path/filepath"

	"tocsin/internal/ledger"
)

// backup copies the ledger below dir. Positions of the journal are in the copy too; a tocsin that starts on it finds a
// journal that is new, and begins at its start.
func (a *App) backup(ctx context.Context, dir string) error {
	return a.ledger.Backup(ctx, filepath.Join(dir, ledger.FileName))
}
