package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"tocsin/internal/enrich/enrichtest"
)

// enrichments writes databases that know the country and the autonomous system of every address of the generator, and returns their
// paths. Each network of 256 sources, and of 16 servers, has a record of its own; there are 100 countries and 500 systems.
func enrichments(dir string) ([]string, error) {
	countries := enrichtest.Database{Type: "GeoLite2-Country", Bits: 28, Of: map[string]map[string]any{}}
	systems := enrichtest.Database{Type: "GeoLite2-ASN", Bits: 28, Of: map[string]map[string]any{}}
	know := func(first uint32, addresses, bits int) {
		for i := range (addresses-1)>>(32-bits) + 1 {
			a := first + uint32(i)<<(32-bits)
			network := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), bits).String()
			countries.Of[network] = enrichtest.City(string([]byte{'A' + byte(i%10), 'A' + byte(i/10%10)}), "")
			number := i*7%500 + 1
			systems.Of[network] = enrichtest.AS(uint32(64_000+number), fmt.Sprintf("Example Network %d", number))
		}
	}
	know(firstSource, flowSources, 24)
	know(firstServer, flowServers, 28)
	var paths []string
	for _, d := range []enrichtest.Database{countries, systems} {
		path := filepath.Join(dir, d.Type+".mmdb")
		if err := os.WriteFile(path, d.Encode(), 0o600); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// enriching says in the name of a figure whether events were given country and system.
func enriching(o options) string {
	if o.enrich {
		return ", country and AS of both ends"
	}
	return ", nothing added to events"
}
