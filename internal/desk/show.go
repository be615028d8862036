package desk

import (
	"net/netip"
	"slices"
	"strconv"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/names"
	"tocsin/internal/naming"
)

// What answers show has names beside it: those of now, for values that stand in the answer anyway, from what is at hand. No
// answer waits for a name, and nobody learns one of what he is not shown.

// shelf returns where names are, nil when there are none.
func (d *Desk) shelf() *naming.Shelf {
	if s := d.parts.Naming.Shelf; s != nil && s.Book().Len() > 0 {
		return s
	}
	return nil
}

// show puts names into an alert.
func (d *Desk) show(a *alert.Alert) {
	if s := d.shelf(); s != nil {
		s.Show(a)
	}
}

// about says what is known of the addresses that an alert is about.
func (d *Desk) about(a *alert.Alert) []api.Named {
	if d.parts.Naming.Shelf == nil {
		return nil
	}
	var list []api.Named
	for _, p := range a.Entity {
		ip, err := netip.ParseAddr(p.Value)
		if err != nil {
			continue
		}
		k := names.Key{Kind: names.Address, Key: ip.Unmap().WithZone("").String()}
		if !slices.ContainsFunc(list, func(n api.Named) bool { return n.Key == k.Key }) {
			list = append(list, d.parts.Naming.named(k))
		}
	}
	return list
}

// showTraffic puts names into a ranking of traffic.
func (d *Desk) showTraffic(a *api.TrafficAnswer) {
	for i := range a.Rows {
		a.Rows[i].Names = d.called(a.By, a.Rows[i].Values)
	}
}

// showTop puts names into any ranking.
func (d *Desk) showTop(a *api.TopAnswer) {
	for i := range a.Rows {
		a.Rows[i].Names = d.called(a.By, a.Rows[i].Values)
	}
}

// called returns the names of the values of a row, nil when none has one.
func (d *Desk) called(by, values []string) []string {
	s := d.shelf()
	if s == nil {
		return nil
	}
	var list []string
	for i, value := range values[:min(len(values), len(by))] {
		if by[i] == "interface" && i > 0 {
			value = values[i-1] + "#" + value
		}
		if !api.HasNames(by[i]) {
			continue
		}
		if name := s.Call(by[i], value); name != "" {
			if list == nil {
				list = make([]string, len(values))
			}
			list[i] = name
		}
	}
	return list
}

// showSessions puts names to the ends of sessions.
func (d *Desk) showSessions(a *api.SessionAnswer) {
	s := d.shelf()
	if s == nil {
		return
	}
	for i := range a.Rows {
		row := &a.Rows[i]
		row.Client.Name, row.Server.Name = s.Address(row.Client.IP), s.Address(row.Server.IP)
	}
}

// showExporter puts names to an exporter and its interfaces.
func (d *Desk) showExporter(e *api.Exporter) {
	s := d.shelf()
	if s == nil {
		return
	}
	e.Name = s.Call("exporter", e.Address)
	ip, err := netip.ParseAddr(e.Address)
	if err != nil {
		return
	}
	known := s.Book().Interfaces(ip)
	for _, p := range known[:min(len(known), api.MaxInterfaces)] {
		e.Interfaces = append(e.Interfaces, api.NamedInterface{Index: p.Index, Name: p.Name})
	}
}

// showInterfaces puts names to interfaces and their exporters.
func (d *Desk) showInterfaces(list []api.Interface) {
	s := d.shelf()
	if s == nil {
		return
	}
	for i := range list {
		e := &list[i]
		e.ExporterName, e.Name = s.Call("exporter", e.Exporter), s.Call("interface", e.Exporter+"#"+strconv.FormatUint(uint64(e.Index), 10))
	}
}
