package desk

import (
	"context"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/board"
	"tocsin/internal/event"
	"tocsin/internal/ledger"
)

// Board implements api.Service. Who never changed his has what everybody begins with.
func (d *Desk) Board(ctx context.Context, user string) (api.Board, error) {
	name, err := d.owner(ctx, "see the board of", user)
	if err != nil {
		return api.Board{}, err
	}
	kept, err := d.parts.Ledger.Board(ctx, name)
	if err != nil {
		return api.Board{}, err
	}
	return d.showBoard(name, kept)
}

// PutBoard implements api.Service.
func (d *Desk) PutBoard(ctx context.Context, q api.BoardEdit) (api.Board, error) {
	name, err := d.owner(ctx, "change the board of", q.User)
	if err != nil {
		return api.Board{}, err
	}
	pages, err := board.Check(q.Pages)
	if err != nil {
		return api.Board{}, err
	}
	body, err := board.Encode(pages)
	if err != nil {
		return api.Board{}, err
	}
	return d.setBoard(ctx, name, q.Version, body)
}

// ResetBoard implements api.Service.
func (d *Desk) ResetBoard(ctx context.Context, user string) (api.Board, error) {
	name, err := d.owner(ctx, "change the board of", user)
	if err != nil {
		return api.Board{}, err
	}
	return d.setBoard(ctx, name, nil, "")
}

func (d *Desk) setBoard(ctx context.Context, name string, version *int64, body string) (api.Board, error) {
	kept, err := d.parts.Ledger.SetBoard(ctx, name, version, body, time.Now().UTC().Round(0))
	if err != nil {
		return api.Board{}, err
	}
	return d.showBoard(name, kept)
}

func (d *Desk) showBoard(name string, kept ledger.UserBoard) (b api.Board, err error) {
	b = api.Board{User: name, Version: kept.Version, Changed: kept.Changed}
	if kept.Body == "" {
		b.Preset, b.Pages = true, board.Preset(d.haveFlows())
		return b, nil
	}
	b.Pages, err = board.Decode(kept.Body)
	return b, err
}

// haveFlows reports whether flows came in since the start, or are kept.
func (d *Desk) haveFlows() bool {
	d.counter.mu.Lock()
	defer d.counter.mu.Unlock()
	if d.counter.kinds[event.Flow] > 0 {
		return true
	}
	kept := d.parts.History.Stats()
	return kept.Rollups+kept.Unrolled > 0
}
