package desk

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// Views implements api.Service.
func (g *Guard) Views(ctx context.Context, user string) ([]api.View, error) {
	return look(ctx, permission.ListViews, func() ([]api.View, error) { return g.desk.Views(ctx, user) })
}

// PutView implements api.Service.
func (g *Guard) PutView(ctx context.Context, q api.ViewEdit) (api.View, error) {
	return change(ctx, g, permission.ChangeView, "view "+q.Name+" of "+ownOr(ctx, q.User), q.Address, func(ctx context.Context) (api.View, error) { return g.desk.PutView(ctx, q) })
}

// DeleteView implements api.Service.
func (g *Guard) DeleteView(ctx context.Context, q api.ViewRemoval) error {
	return alter(ctx, g, permission.ChangeView, "view "+q.Name+" of "+ownOr(ctx, q.User), "removed", func(ctx context.Context) error { return g.desk.DeleteView(ctx, q) })
}

// Board implements api.Service.
func (g *Guard) Board(ctx context.Context, user string) (api.Board, error) {
	return look(ctx, permission.ShowBoard, func() (api.Board, error) { return g.desk.Board(ctx, user) })
}

// PutBoard implements api.Service.
func (g *Guard) PutBoard(ctx context.Context, q api.BoardEdit) (api.Board, error) {
	return change(ctx, g, permission.ChangeBoard, "board of "+ownOr(ctx, q.User), "", func(ctx context.Context) (api.Board, error) { return g.desk.PutBoard(ctx, q) })
}

// ResetBoard implements api.Service.
func (g *Guard) ResetBoard(ctx context.Context, user string) (api.Board, error) {
	return change(ctx, g, permission.ChangeBoard, "board of "+ownOr(ctx, user), "preset", func(ctx context.Context) (api.Board, error) { return g.desk.ResetBoard(ctx, user) })
}
