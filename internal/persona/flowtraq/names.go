package flowtraq

import (
	"context"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/traq"
)

// planNames manages the names that people give to things.
func (o *Options) planNames(q *question) (job, error) {
	verb, err := q.verb("-nl", "-ns", "-nd")
	if err != nil {
		return nil, err
	}
	key, name := q.given[verb], q.given["-nn"]
	kind := strings.ToLower(q.given["-nk"])
	switch {
	case kind == "group" || kind == "tg":
		return nil, misused(q.tool.name, "-nk %s: a traffic group has no name but its own (fttg makes it)", kind)
	case kind == "" && verb != "-nl":
		kind = api.NameAddress
	}
	switch verb {
	case "-nl":
		show := o.printer(q)
		return func(ctx context.Context, service api.Service, _ Server) error {
			names, err := service.Names(ctx, api.NameRequest{Kind: kind})
			if err != nil {
				return err
			}
			t := traq.Table{Columns: []traq.Column{{Name: "KIND"}, {Name: "KEY"}, {Name: "NAME"}}}
			for _, n := range names {
				t.Rows = append(t.Rows, []string{n.Kind, n.Key, n.Name})
			}
			return show.table(t)
		}, nil
	case "-ns":
		if name == "" {
			return nil, misused(q.tool.name, "-ns %s: want -nn with the name", key)
		}
		return func(ctx context.Context, service api.Service, _ Server) error {
			if _, err := service.PutNames(ctx, api.NamesEdit{Names: []api.NameEdit{{Kind: kind, Key: key, Name: name}}}); err != nil {
				return err
			}
			return o.say("%s %s: is called %s", kind, key, name)
		}, nil
	default:
		return func(ctx context.Context, service api.Service, _ Server) error {
			if _, err := service.DeleteNames(ctx, api.NamesRemoval{Keys: []api.NameKey{{Kind: kind, Key: key}}}); err != nil {
				return err
			}
			return o.say("%s %s: has no name any more", kind, key)
		}, nil
	}
}
