package detect

import (
	"encoding/json"
	"net/netip"
	"strings"

	"tocsin/internal/alert"
)

// maxNamed bounds how many entries of lists a finding names.
const maxNamed = 3

// nameEntries adds to the reason of a finding which lists of its rule's filter hold which of its addresses, and by which
// entry. The addresses are those of the entity, or where no list holds one, those of the samples.
func (r *running) nameEntries(f *alert.Finding) {
	if len(r.lists) == 0 || f.Triggers == 0 {
		return
	}
	var values []string
	for _, p := range f.Entity {
		values = append(values, p.Value)
	}
	named := r.entries(values)
	if len(named) == 0 {
		named = r.entries(sampled(f.Samples))
	}
	if len(named) > 0 {
		f.Reason += "; " + strings.Join(named, ", ")
	}
}

// entries says of texts that are addresses on a list which entry that is.
func (r *running) entries(texts []string) (named []string) {
	seen := map[string]bool{}
	for _, text := range texts {
		a, err := netip.ParseAddr(text)
		if err != nil || seen[text] {
			continue
		}
		seen[text] = true
		for _, l := range r.lists {
			if entry, ok := l.Entry(a.As16()); ok && len(named) < maxNamed {
				named = append(named, text+" is on list "+l.Name()+": "+entry)
			}
		}
	}
	return named
}

// sampled returns the texts of samples whose fields are addresses.
func sampled(samples []json.RawMessage) (texts []string) {
	for _, s := range samples {
		var fields map[string]json.RawMessage
		if json.Unmarshal(s, &fields) != nil {
			continue
		}
		for _, name := range []string{"source.ip", "destination.ip", "host.ip"} {
			var text string
			if json.Unmarshal(fields[name], &text) == nil {
				texts = append(texts, text)
			}
		}
	}
	return texts
}
