package flowtraq

import (
	"slices"

	"tocsin/internal/traq"
)

// A kind is what a tool is for.
type kind uint8

const (
	ranking   kind = 1 << iota // ns2hostsb and its siblings
	statistic                  // ftstat: a ranking that -grp and -cnt name
	sessions                   // ns2sq, ftsq
	accounts                   // ns2um, ftum
	naming                     // ftname
	grouping                   // fttg

	ranked = ranking | statistic
	flows  = ranked | sessions
	all    = flows | accounts | naming | grouping
)

// A tool is one of FlowTraq's.
type tool struct {
	name string
	kind kind
	ask  traq.Ranking // of a ranking
}

// tools lists them: those of the first generation, then those of the second. A ranking of the first is named by what is
// ranked (hosts, ports, pairs, countrys) and by what (bytes, packets, sessions, unique ports, unique hosts).
func tools() (list []tool) {
	for _, entity := range []struct{ word, by string }{{"hosts", "host"}, {"ports", "port"}, {"pairs", "pair"}, {"countrys", "country"}} {
		for _, rank := range []struct{ word, rank string }{{"b", "bytes"}, {"p", "packets"}, {"s", "sessions"}, {"up", "ports"}, {"uh", "hosts"}} {
			ask := traq.Ranking{By: entity.by, Rank: rank.rank}
			if ask.Check() == nil { // ns2portsup and ns2pairsuh say nothing, and do not exist
				list = append(list, tool{"ns2" + entity.word + rank.word, ranking, ask})
			}
		}
	}
	return append(list, tool{name: "ns2sq", kind: sessions}, tool{name: "ns2um", kind: accounts},
		tool{name: "ftsq", kind: sessions}, tool{name: "ftstat", kind: statistic}, tool{name: "ftum", kind: accounts},
		tool{name: "ftname", kind: naming}, tool{name: "fttg", kind: grouping})
}

// Names lists the tools.
func Names() (names []string) {
	for _, t := range tools() {
		names = append(names, t.name)
	}
	return names
}

// toolOf returns the tool of a name.
func toolOf(name string) (tool, bool) {
	list := tools()
	at := slices.IndexFunc(list, func(t tool) bool { return t.name == name })
	if at < 0 {
		return tool{}, false
	}
	return list[at], true
}

// Does says in a few words what a tool does.
func Does(name string) string {
	t, _ := toolOf(name)
	switch t.kind {
	case ranking:
		return "FlowTraq's ranking of " + rankedBy(t.ask)
	case statistic:
		return "FlowTraq's rankings, of what -grp names by what -cnt names"
	case sessions:
		return "FlowTraq's list of sessions"
	case accounts:
		return "FlowTraq's management of accounts"
	case naming:
		return "FlowTraq's names for addresses, exporters, interfaces and autonomous systems"
	default:
		return "FlowTraq's traffic groups"
	}
}

// Example is a call of a tool, for its help.
func Example(name string) string {
	t, _ := toolOf(name)
	server := name + " -s flowtraq.example.com -un alertuser -upf ~/.flowtraq "
	switch t.kind {
	case ranking:
		return "  " + server + "-tn -1h -q 'SRVPORT==22'\n  " + server + "-al -au alertuser -at -3m"
	case statistic:
		return "  " + server + "-grp pair -cnt unique ports -tn -5h -n 5"
	case sessions:
		return "  " + server + "-tn -1h -c+ -q 'SRVPORT==80 && CLNIP!=192.0.2.0/24'"
	case accounts:
		return "  " + server + "-ul\n  " + server + "-ua bob -npf bob.password"
	case naming:
		return "  " + server + "-nl\n  " + server + "-ns 192.0.2.7 -nn mail"
	default:
		return "  " + server + "-tgl\n  " + server + "-tgs office -tgm 192.0.2.0/24,2001:db8::/32"
	}
}
