package desk

import (
	"context"
	"net/netip"
	"strconv"

	"tocsin/internal/api"
	"tocsin/internal/enrich"
	"tocsin/internal/fault"
	"tocsin/internal/names"
	"tocsin/internal/naming"
)

// Naming is what events get at arrival and what is shown in place of addresses.
type Naming struct {
	Shelf *naming.Shelf
	// Look returns what the databases say about an address.
	Look func(netip.Addr) enrich.Facts
}

// Groups implements api.Service. Their members are networks and hosts of all, and with them everybody could tell in which group an
// address is, which NamesOf does not tell who is bounded.
func (d *Desk) Groups(ctx context.Context, q api.GroupRequest) ([]api.Group, error) {
	if err := d.unbounded(ctx, "traffic groups"); err != nil {
		return nil, err
	}
	return d.parts.Naming.Shelf.Groups(ctx, q.Name)
}

// PutGroups implements api.Service.
func (d *Desk) PutGroups(ctx context.Context, q api.GroupsEdit) (api.GroupsSaved, error) {
	return d.parts.Naming.Shelf.PutGroups(ctx, q, api.Caller(ctx).User)
}

// DeleteGroup implements api.Service.
func (d *Desk) DeleteGroup(ctx context.Context, name string) error {
	return d.parts.Naming.Shelf.DeleteGroup(ctx, name)
}

// Names implements api.Service. Who is bounded by a filter sees names where he sees what has them.
func (d *Desk) Names(ctx context.Context, q api.NameRequest) ([]api.Name, error) {
	if err := d.unbounded(ctx, "names"); err != nil {
		return nil, err
	}
	return d.parts.Naming.Shelf.Names(ctx, q)
}

// PutNames implements api.Service.
func (d *Desk) PutNames(ctx context.Context, q api.NamesEdit) (api.NamesSaved, error) {
	return d.parts.Naming.Shelf.PutNames(ctx, q, api.Caller(ctx).User)
}

// DeleteNames implements api.Service.
func (d *Desk) DeleteNames(ctx context.Context, q api.NamesRemoval) (api.NamesSaved, error) {
	return d.parts.Naming.Shelf.DeleteNames(ctx, q.Keys)
}

// NamesOf implements api.Service.
func (d *Desk) NamesOf(ctx context.Context, q api.NamesOfRequest) ([]api.Named, error) {
	if err := d.unbounded(ctx, "what is known of addresses"); err != nil {
		return nil, err
	}
	if len(q.Keys) > api.MaxNamesOf {
		return nil, fault.New(fault.Invalid, "keys: got %d, want at most %d", len(q.Keys), api.MaxNamesOf)
	}
	list := make([]api.Named, len(q.Keys))
	for i, asked := range q.Keys {
		k, err := names.Canonical(names.Kind(asked.Kind), asked.Key)
		if err != nil {
			return nil, err
		}
		list[i] = d.parts.Naming.named(k)
		list[i].Key = asked.Key
	}
	return list, nil
}

// unbounded refuses to list things to a caller who may not see everything: what he is shown has its names beside it.
func (d *Desk) unbounded(ctx context.Context, what string) error {
	caller, err := d.viewer(ctx)
	if err == nil && caller.bounds != nil {
		err = fault.New(fault.Denied, "%s: what %s may see is bounded by a filter, and this cannot be", what, caller.User)
	}
	return err
}

// named says what is known of a thing: of an address all that is.
func (n *Naming) named(k names.Key) api.Named {
	known := api.Named{Kind: string(k.Kind), Key: k.Key}
	known.Name, known.Network = n.Shelf.Book().Of(k)
	a, err := netip.ParseAddr(k.Key)
	if err != nil || k.Kind != names.Address {
		return known
	}
	f := n.Look(a)
	known.Country, known.City, known.AS, known.Organization = f.Country, f.City, f.AS, f.Organization
	if f.AS != 0 {
		if name, _ := n.Shelf.Book().Of(names.Key{Kind: names.AS, Key: strconv.FormatUint(uint64(f.AS), 10)}); name != "" {
			known.Organization = name
		}
	}
	groups := n.Shelf.Set()
	if number, ok := groups.Node(a.As16()).Of(-1, -1); ok {
		known.Group = groups.Name(number)
	}
	return known
}
