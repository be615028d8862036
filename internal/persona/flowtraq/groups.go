package flowtraq

import (
	"context"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/traq"
)

// planGroups manages traffic groups.
func (o *Options) planGroups(q *question) (job, error) {
	verb, err := q.verb("-tgl", "-tgs", "-tgd")
	if err != nil {
		return nil, err
	}
	name := q.given[verb]
	switch verb {
	case "-tgl":
		show := o.printer(q)
		return func(ctx context.Context, service api.Service, _ Server) error {
			groups, err := service.Groups(ctx, api.GroupRequest{})
			if err != nil {
				return err
			}
			t := traq.Table{Columns: []traq.Column{{Name: "GROUP"}, {Name: "MEMBERS"}}}
			for _, g := range groups {
				t.Rows = append(t.Rows, []string{g.Name, strings.Join(g.Members, ",")})
			}
			return show.table(t)
		}, nil
	case "-tgs":
		members := strings.FieldsFunc(q.given["-tgm"], func(r rune) bool { return r == ',' || r == ' ' })
		if len(members) == 0 {
			return nil, misused(q.tool.name, "-tgs %s: want -tgm with its members", name)
		}
		return func(ctx context.Context, service api.Service, _ Server) error {
			if _, err := service.PutGroups(ctx, api.GroupsEdit{Groups: []api.GroupEdit{{Name: name, Members: members}}}); err != nil {
				return err
			}
			return o.say("traffic group %s: has %d members", name, len(members))
		}, nil
	default:
		return func(ctx context.Context, service api.Service, _ Server) error {
			if err := service.DeleteGroup(ctx, name); err != nil {
				return err
			}
			return o.say("traffic group %s: deleted", name)
		}, nil
	}
}
