package desk

import (
	"context"
	"fmt"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// Groups implements api.Service.
func (g *Guard) Groups(ctx context.Context, q api.GroupRequest) ([]api.Group, error) {
	return look(ctx, permission.ListGroups, func() ([]api.Group, error) { return g.desk.Groups(ctx, q) })
}

// PutGroups implements api.Service.
func (g *Guard) PutGroups(ctx context.Context, q api.GroupsEdit) (api.GroupsSaved, error) {
	subject := "traffic groups"
	if len(q.Groups) == 1 && !q.Replace {
		subject = "traffic group " + q.Groups[0].Name
	}
	return change(ctx, g, permission.ChangeGroup, subject, "", func(ctx context.Context) (api.GroupsSaved, error) { return g.desk.PutGroups(ctx, q) })
}

// DeleteGroup implements api.Service.
func (g *Guard) DeleteGroup(ctx context.Context, name string) error {
	return alter(ctx, g, permission.ChangeGroup, "traffic group "+name, "removed", func(ctx context.Context) error { return g.desk.DeleteGroup(ctx, name) })
}

// Names implements api.Service.
func (g *Guard) Names(ctx context.Context, q api.NameRequest) ([]api.Name, error) {
	return look(ctx, permission.ListNames, func() ([]api.Name, error) { return g.desk.Names(ctx, q) })
}

// PutNames implements api.Service.
func (g *Guard) PutNames(ctx context.Context, q api.NamesEdit) (api.NamesSaved, error) {
	subject := "names"
	if len(q.Names) == 1 && !q.Replace {
		subject = fmt.Sprintf("name of %s %s", q.Names[0].Kind, q.Names[0].Key)
	}
	return change(ctx, g, permission.ChangeName, subject, "", func(ctx context.Context) (api.NamesSaved, error) { return g.desk.PutNames(ctx, q) })
}

// DeleteNames implements api.Service.
func (g *Guard) DeleteNames(ctx context.Context, q api.NamesRemoval) (api.NamesSaved, error) {
	return change(ctx, g, permission.ChangeName, "names", "removed", func(ctx context.Context) (api.NamesSaved, error) { return g.desk.DeleteNames(ctx, q) })
}

// NamesOf implements api.Service.
func (g *Guard) NamesOf(ctx context.Context, q api.NamesOfRequest) ([]api.Named, error) {
	return look(ctx, permission.ListNames, func() ([]api.Named, error) { return g.desk.NamesOf(ctx, q) })
}
