package apitest

import (
	"errors"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// exporters: nobody has sent flows, which is an empty list, and none of interfaces.
func exporters(s *suite) {
	list, err := s.Exporters(s.ctx)
	s.must("Exporters", err)
	if list == nil || len(list) > 0 {
		s.Errorf("Exporters = %#v, want an empty list", list)
	}
	interfaces, err := s.Interfaces(s.ctx, api.InterfaceRequest{})
	s.must("Interfaces", err)
	if interfaces.Interfaces == nil || len(interfaces.Interfaces) > 0 {
		s.Errorf("Interfaces = %#v, want an empty list", interfaces)
	}
	for _, exporter := range []string{"192.0.2.1", "core"} {
		if _, err := s.Interfaces(s.ctx, api.InterfaceRequest{Exporter: exporter}); !errors.Is(err, fault.NotFound) {
			s.Errorf("Interfaces of %s, which was not heard: %v, want fault.NotFound", exporter, err)
		}
	}
	for _, limit := range []int{-1, api.MostInterfaces + 1} {
		if _, err := s.Interfaces(s.ctx, api.InterfaceRequest{Limit: limit}); !errors.Is(err, fault.Invalid) {
			s.Errorf("%d Interfaces: %v, want fault.Invalid", limit, err)
		}
	}
}
