package desk

import (
	"context"
	"net/netip"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Exporters implements api.Service.
func (d *Desk) Exporters(context.Context) ([]api.Exporter, error) {
	list := d.parts.Exporters()
	for i := range list {
		d.showExporter(&list[i])
	}
	return list, nil
}

// Interfaces implements api.Service.
func (d *Desk) Interfaces(_ context.Context, q api.InterfaceRequest) (answer api.Interfaces, err error) {
	switch {
	case q.Limit == 0:
		q.Limit = api.DefaultInterfaces
	case q.Limit < 0 || q.Limit > api.MostInterfaces:
		return answer, fault.New(fault.Invalid, "limit: got %d, want 1 to %d", q.Limit, api.MostInterfaces)
	}
	var exporter netip.Addr
	if q.Exporter != "" {
		if exporter, err = d.findExporter(q.Exporter); err != nil {
			return answer, err
		}
	}
	answer.Interfaces = d.parts.Interfaces(exporter)
	if answer.More = max(0, len(answer.Interfaces)-q.Limit); answer.More > 0 {
		answer.Interfaces = answer.Interfaces[:q.Limit]
	}
	d.showInterfaces(answer.Interfaces)
	return answer, nil
}

// findExporter finds one that was heard by its address, or by what people call it in any case of letters.
func (d *Desk) findExporter(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	byAddress := err == nil
	for _, e := range d.parts.Exporters() {
		its, err := netip.ParseAddr(e.Address)
		if err != nil {
			continue
		}
		if byAddress {
			if its == address.Unmap().WithZone("") {
				return its, nil
			}
			continue
		}
		if d.showExporter(&e); strings.EqualFold(e.Name, text) {
			return its, nil
		}
	}
	return netip.Addr{}, fault.New(fault.NotFound, "exporter %q: it was not heard (tocsin exporters lists those that were)", text)
}
