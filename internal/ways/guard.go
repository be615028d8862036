package ways

import (
	"fmt"
	"net/netip"
)

// allow says whether users may have a collector at an address. Never at one that reaches a machine's own metadata, many hosts
// at once, or none: what tocsin is made to call should at least be a host that somebody runs.
func (m Maker) allow(ip netip.Addr) error {
	if !ip.IsGlobalUnicast() && !ip.IsLoopback() {
		return fmt.Errorf("%s is no address for a collector: want that of one host, and none of the link alone", ip)
	}
	for _, network := range m.Collectors {
		if network.Contains(ip) {
			return nil
		}
	}
	if len(m.Collectors) > 0 {
		return fmt.Errorf("%s is in no network in which users may have collectors (an administrator sets them: alerts.collectors)", ip)
	}
	return nil
}
