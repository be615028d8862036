package apitest

// exporters: nobody has sent flows, which is an empty list.
func exporters(s *suite) {
	list, err := s.Exporters(s.ctx)
	s.must("Exporters", err)
	if list == nil || len(list) > 0 {
		s.Errorf("Exporters = %#v, want an empty list", list)
	}
}
