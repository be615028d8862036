package traq

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tocsin/internal/filter"
)

// prefix begins a filter in FlowTraq's language.
const prefix = "flowtraq:"

// A Selection is which flows are meant.
type Selection struct {
	Query     string // in FlowTraq's language; empty: all
	Exporter  string // its address; empty: any
	Interface string // SNMP index of either of its interfaces; empty: any
}

// Where returns the filter for api.TrafficRequest and api.SessionRequest.
func (s Selection) Where() (string, error) {
	var parts []string
	query := strings.TrimSpace(s.Query)
	if _, err := filter.ParseFlowTraq(query); err != nil {
		return "", err
	}
	if filter.IsFlowTraq(query) {
		query = strings.TrimSpace(query[len(prefix):])
	}
	if query != "" {
		parts = append(parts, query)
	}
	if s.Exporter != "" {
		address, err := netip.ParseAddr(s.Exporter)
		if err != nil || address.Zone() != "" {
			return "", fmt.Errorf("exporter %s: want its address", quoted(s.Exporter))
		}
		parts = append(parts, "EXPORTER=="+address.Unmap().String())
	}
	if s.Interface != "" {
		index, err := strconv.ParseUint(s.Interface, 10, 32)
		if err != nil {
			return "", fmt.Errorf("interface %s: want its SNMP index", quoted(s.Interface))
		}
		parts = append(parts, "INTERFACE=="+strconv.FormatUint(index, 10))
	}
	switch len(parts) {
	case 0:
		return "", nil
	case 1:
		return prefix + " " + parts[0], nil
	default:
		return prefix + " (" + strings.Join(parts, ") && (") + ")", nil
	}
}
