package filter

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/event"
)

// The model of FlowTraq's language has none of the code under test: a session is a struct, a condition a spelling with a
// closure beside it. -1 and empty texts are what nobody tells.

type flowModel struct {
	client, server                         netip.Addr
	clientPort, serverPort                 int64
	protocol, flags                        int64
	clientBytes, serverBytes               uint64
	clientPackets, serverPackets           uint64
	clientASN, serverASN                   uint64
	clientCountry, serverCountry           string
	clientGroup, serverGroup, app          string
	exporters                              []netip.Addr
	inputs, outputs                        []uint64
	record, nameless, byServer, numberless bool
}

// A flowCondition is a spelling and what it means.
type flowCondition struct {
	text  string
	holds func(*flowModel) bool
}

// protocolNames are those that the model knows.
var protocolNames = map[int64]string{1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 58: "ipv6-icmp", 132: "sctp"}

var flowNumbers = map[string]struct {
	pool []uint64
	of   func(*flowModel) []uint64
}{
	"SRVPORT": {portPool, func(s *flowModel) []uint64 { return told(s.serverPort) }},
	"CLNPORT": {portPool, func(s *flowModel) []uint64 { return told(s.clientPort) }},
	"PORT":    {portPool, func(s *flowModel) []uint64 { return append(told(s.clientPort), told(s.serverPort)...) }},
	"CLNPKTS": {countPool, func(s *flowModel) []uint64 { return []uint64{s.clientPackets} }},
	"SRVPKTS": {countPool, func(s *flowModel) []uint64 { return []uint64{s.serverPackets} }},
	"PACKETS": {countPool, func(s *flowModel) []uint64 { return s.each(s.clientPackets, s.serverPackets) }},
	"TOTPKTS": {countPool, func(s *flowModel) []uint64 { return []uint64{s.clientPackets + s.serverPackets} }},
	"CLNBYTS": {countPool, func(s *flowModel) []uint64 { return []uint64{s.clientBytes} }},
	"SRVBYTS": {countPool, func(s *flowModel) []uint64 { return []uint64{s.serverBytes} }},
	"BYTES":   {countPool, func(s *flowModel) []uint64 { return s.each(s.clientBytes, s.serverBytes) }},
	"TOTBYTS": {countPool, func(s *flowModel) []uint64 { return []uint64{s.clientBytes + s.serverBytes} }},
	"INIF":    {indexPool, func(s *flowModel) []uint64 { return s.inputs }},
	"OUTIF":   {indexPool, func(s *flowModel) []uint64 { return s.outputs }},
	"INTERFACE": {indexPool, func(s *flowModel) []uint64 {
		return slices.Concat(s.inputs, s.outputs)
	}},
}

var (
	portPool    = []uint64{0, 22, 53, 80, 443, 1024, 65535}
	countPool   = []uint64{0, 1, 40, 1000, 1 << 32, 1 << 62}
	indexPool   = []uint64{0, 1, 3, 1 << 31}
	systemPool  = []uint64{0, 1, 64496, 1<<32 - 1}
	countryPool = []string{"", "DE", "US"}
	groupPool   = []string{"", "servers", "web servers", "SERVERS", "a&&b"}
)

// each is what both ends sent; a record tells of one alone.
func (s *flowModel) each(client, server uint64) []uint64 {
	switch {
	case !s.record:
		return []uint64{client, server}
	case s.byServer:
		return []uint64{server}
	default:
		return []uint64{client}
	}
}

// told is the value unless there is none.
func told(v int64) []uint64 {
	if v < 0 {
		return nil
	}
	return []uint64{uint64(v)}
}

var flowWords = []string{"==", "!=", ">=", "<=", ">", "<"}

// drawFlowLeaf draws a comparison.
func drawFlowLeaf(t chooser) flowCondition {
	switch t.IntN(8) {
	case 0, 1:
		return drawFlowAddress(t)
	case 2, 3:
		names := []string{"SRVPORT", "CLNPORT", "PORT", "INIF", "OUTIF", "INTERFACE"}
		return drawFlowNumber(t, pick(t, names))
	case 4:
		return drawFlowNumber(t, pick(t, []string{"CLNPKTS", "SRVPKTS", "PACKETS", "TOTPKTS", "CLNBYTS", "SRVBYTS", "BYTES", "TOTBYTS"}))
	case 5:
		return drawFlowText(t)
	case 6:
		return drawFlowSystem(t)
	default:
		if t.bool() {
			return drawFlowFlags(t)
		}
		return drawFlowProtocol(t)
	}
}

// compared makes a condition of a field, a comparator and a value: it holds if any of the values does, != if none equals.
func compared(t chooser, field, word, value string, holds func(*flowModel) bool) flowCondition {
	if t.bool() {
		field = strings.ToLower(field)
	}
	switch quote := pick(t, []string{"", "", `"`, "'"}); {
	case quote != "":
		value = quote + value + quote
	case value == "" || strings.ContainsAny(value, " &"):
		value = `"` + value + `"`
	}
	text := field + blank(t) + word + blank(t) + value
	if word == "!=" {
		return flowCondition{text, func(s *flowModel) bool { return !holds(s) }}
	}
	return flowCondition{text, holds}
}

func blank(t chooser) string { return pick(t, []string{"", "", " ", "\t\n "}) }

func drawFlowNumber(t chooser, name string) flowCondition {
	f, word := flowNumbers[name], pick(t, flowWords)
	n := pick(t, f.pool)
	return compared(t, name, word, strconv.FormatUint(n, 10), func(s *flowModel) bool {
		return slices.ContainsFunc(f.of(s), func(v uint64) bool { return stands(v, word, n) })
	})
}

// stands compares two numbers; != as ==, of which it is the opposite.
func stands(v uint64, word string, n uint64) bool {
	switch word {
	case ">=":
		return v >= n
	case "<=":
		return v <= n
	case ">":
		return v > n
	case "<":
		return v < n
	default:
		return v == n
	}
}

func drawFlowAddress(t chooser) flowCondition {
	pool := pick(t, [][]string{addrPool, netPool})
	net := pick(t, pool)
	of := map[string]func(*flowModel) []netip.Addr{
		"SRVIP":    func(s *flowModel) []netip.Addr { return []netip.Addr{s.server} },
		"CLNIP":    func(s *flowModel) []netip.Addr { return []netip.Addr{s.client} },
		"ADDR":     func(s *flowModel) []netip.Addr { return []netip.Addr{s.client, s.server} },
		"EXPORTER": func(s *flowModel) []netip.Addr { return s.exporters },
	}
	name := pick(t, []string{"SRVIP", "CLNIP", "ADDR", "EXPORTER"})
	return compared(t, name, pick(t, flowWords[:2]), net, func(s *flowModel) bool {
		return slices.ContainsFunc(of[name](s), func(a netip.Addr) bool { return inNet(a.Unmap(), net) })
	})
}

func drawFlowText(t chooser) flowCondition {
	of := map[string]func(*flowModel) []string{
		"SRVCOUNTRY": func(s *flowModel) []string { return []string{s.serverCountry} },
		"CLNCOUNTRY": func(s *flowModel) []string { return []string{s.clientCountry} },
		"COUNTRY":    func(s *flowModel) []string { return []string{s.clientCountry, s.serverCountry} },
		"SRVGROUP":   func(s *flowModel) []string { return []string{s.serverGroup} },
		"CLNGROUP":   func(s *flowModel) []string { return []string{s.clientGroup} },
		"GROUP":      func(s *flowModel) []string { return []string{s.clientGroup, s.serverGroup} },
		"APP":        func(s *flowModel) []string { return []string{s.app} },
	}
	name, word := pick(t, []string{"SRVCOUNTRY", "CLNCOUNTRY", "COUNTRY", "SRVGROUP", "CLNGROUP", "GROUP", "APP"}), pick(t, flowWords[:2])
	value := pick(t, groupPool)
	spelling := value
	if strings.HasSuffix(name, "COUNTRY") {
		value = pick(t, countryPool)
		switch spelling = value; {
		case value == "":
			spelling = "??"
		case t.bool():
			spelling = strings.ToLower(value)
		}
	}
	return compared(t, name, word, spelling, func(s *flowModel) bool { return slices.Contains(of[name](s), value) })
}

// drawFlowSystem: no number is smaller or larger than that of a system which is not known, and 0 asks for that.
func drawFlowSystem(t chooser) flowCondition {
	of := map[string]func(*flowModel) []uint64{
		"SRVASN": func(s *flowModel) []uint64 { return []uint64{s.serverASN} },
		"CLNASN": func(s *flowModel) []uint64 { return []uint64{s.clientASN} },
		"ASN":    func(s *flowModel) []uint64 { return []uint64{s.clientASN, s.serverASN} },
	}
	name, word, n := pick(t, []string{"SRVASN", "CLNASN", "ASN"}), pick(t, flowWords), pick(t, systemPool)
	return compared(t, name, word, strconv.FormatUint(n, 10), func(s *flowModel) bool {
		return slices.ContainsFunc(of[name](s), func(v uint64) bool {
			return stands(v, word, n) && (v != 0 || word == "==" || word == "!=")
		})
	})
}

func drawFlowFlags(t chooser) flowCondition {
	word := pick(t, flowWords[:2])
	if t.bool() {
		n := int64(t.IntN(32))
		return compared(t, "FLAGS", word, strconv.FormatInt(n, 10), func(s *flowModel) bool { return s.flags == n })
	}
	names := []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}
	bit := t.IntN(8)
	name := names[bit]
	if t.bool() {
		name = strings.ToLower(name)
	}
	return compared(t, "FLAGS", word, name, func(s *flowModel) bool { return s.flags >= 0 && s.flags>>bit&1 == 1 })
}

func drawFlowProtocol(t chooser) flowCondition {
	n, word := pick(t, []int64{0, 1, 6, 17, 50, 58, 255}), pick(t, flowWords)
	spelling := strconv.FormatInt(n, 10)
	if name := protocolNames[n]; name != "" && t.bool() {
		spelling = pick(t, []string{name, strings.ToUpper(name)})
	}
	return compared(t, "PROTO", word, spelling, func(s *flowModel) bool {
		if s.numberless && word != "==" && word != "!=" {
			return false
		}
		return s.protocol >= 0 && stands(uint64(s.protocol), word, uint64(n))
	})
}

// drawFlow draws conditions that are joined without brackets between them, and finds what they mean by cutting the list at
// the weakest operator.
func drawFlow(t chooser, depth int) flowCondition {
	var parts []flowCondition
	var words []string
	for i := range 1 + t.IntN(4) {
		part := drawFlowLeaf(t)
		if depth > 0 && t.IntN(3) == 0 {
			inner := drawFlow(t, depth-1)
			part = flowCondition{"(" + blank(t) + inner.text + blank(t) + ")", inner.holds}
		}
		for t.IntN(4) == 0 {
			inner := part
			part = flowCondition{"!" + blank(t) + inner.text, func(s *flowModel) bool { return !inner.holds(s) }}
		}
		if parts = append(parts, part); i > 0 {
			words = append(words, pick(t, []string{"&&", "||", "^|"}))
		}
	}
	text := parts[0].text
	for i, word := range words {
		text += blank(t) + word + blank(t) + parts[i+1].text
	}
	return flowCondition{text, func(s *flowModel) bool { return cutAt(parts, words, s) }}
}

func cutAt(parts []flowCondition, words []string, s *flowModel) bool {
	for _, word := range []string{"||", "^|", "&&"} {
		if at := slices.Index(words, word); at >= 0 {
			a, b := cutAt(parts[:at+1], words[:at], s), cutAt(parts[at+1:], words[at+1:], s)
			switch word {
			case "||":
				return a || b
			case "^|":
				return a != b
			default:
				return a && b
			}
		}
	}
	return parts[0].holds(s)
}

// drawFlowModel draws a session of one record, which either end may have sent.
func drawFlowModel(t chooser) flowModel {
	s := flowModel{
		client: netip.MustParseAddr(pick(t, addrPool)), server: netip.MustParseAddr(pick(t, addrPool)),
		clientPort: -1, serverPort: -1, protocol: -1, flags: -1,
		clientASN: pick(t, systemPool), serverASN: pick(t, systemPool),
		clientCountry: pick(t, countryPool), serverCountry: pick(t, countryPool),
		clientGroup: pick(t, groupPool), serverGroup: pick(t, groupPool), app: pick(t, groupPool),
		record: true, byServer: t.bool(),
	}
	if t.IntN(4) > 0 {
		s.clientPort, s.serverPort = int64(pick(t, portPool)), int64(pick(t, portPool))
	}
	if t.IntN(4) > 0 {
		s.protocol = pick(t, []int64{0, 1, 6, 17, 50, 58, 255})
		s.numberless = protocolNames[s.protocol] != "" && t.IntN(4) == 0
		s.nameless = !s.numberless && t.IntN(4) == 0
	}
	if t.IntN(4) > 0 {
		s.flags = int64(t.IntN(256))
	}
	if t.IntN(4) > 0 {
		s.exporters = []netip.Addr{netip.MustParseAddr(pick(t, addrPool))}
	}
	if t.IntN(4) > 0 {
		s.inputs, s.outputs = []uint64{pick(t, indexPool)}, []uint64{pick(t, indexPool)}
	}
	if s.byServer {
		s.serverBytes, s.serverPackets = pick(t, countPool), pick(t, countPool)
	} else {
		s.clientBytes, s.clientPackets = pick(t, countPool), pick(t, countPool)
	}
	return s
}

// append writes the record as an event.
func (s *flowModel) append(t chooser, b *event.Builder) {
	text := func(id event.FieldID, v string) {
		if v != "" {
			b.Text(id, v)
		}
	}
	system := func(id event.FieldID, v uint64) {
		if v != 0 {
			b.Uint(id, v)
		}
	}
	client, server := [6]event.FieldID{event.SourceIP, event.SourcePort, event.SourceASN, event.SourceCountry, event.SourceGroup},
		[6]event.FieldID{event.DestinationIP, event.DestinationPort, event.DestinationASN, event.DestinationCountry, event.DestinationGroup}
	if s.byServer {
		client, server = server, client
		b.Text(event.FlowRole, "server")
	} else if t.bool() {
		b.Text(event.FlowRole, "client")
	}
	b.Addr(client[0], s.client)
	b.Addr(server[0], s.server)
	if s.clientPort >= 0 {
		b.Int(client[1], s.clientPort)
		b.Int(server[1], s.serverPort)
	}
	system(client[2], s.clientASN)
	system(server[2], s.serverASN)
	text(client[3], s.clientCountry)
	text(server[3], s.serverCountry)
	text(client[4], s.clientGroup)
	text(server[4], s.serverGroup)
	text(event.NetworkApp, s.app)
	if s.protocol >= 0 && !s.numberless {
		b.Int(event.NetworkIANA, s.protocol)
	}
	if name := protocolNames[s.protocol]; name != "" && !s.nameless {
		b.Text(event.NetworkTransport, name)
	}
	if s.flags >= 0 {
		b.Int(event.FlowTCPFlags, s.flags)
	}
	for _, a := range s.exporters {
		b.Addr(event.ObserverIP, a)
	}
	for i := range s.inputs {
		b.Uint(event.FlowIngress, s.inputs[i])
		b.Uint(event.FlowEgress, s.outputs[i])
	}
	b.Uint(event.SourceBytes, s.clientBytes+s.serverBytes)
	b.Uint(event.SourcePackets, s.clientPackets+s.serverPackets)
	b.Next()
}

// session writes the model as Match takes it.
func (s *flowModel) session() *FlowSession {
	f := &FlowSession{
		Client: s.client.As16(), Server: s.server.As16(),
		ClientBytes: s.clientBytes, ServerBytes: s.serverBytes, ClientPackets: s.clientPackets, ServerPackets: s.serverPackets,
		ClientASN: uint32(s.clientASN), ServerASN: uint32(s.serverASN), ClientCountry: s.clientCountry, ServerCountry: s.serverCountry,
		ClientGroup: s.clientGroup, ServerGroup: s.serverGroup, App: s.app,
	}
	if s.clientPort >= 0 {
		f.HasPorts, f.ClientPort, f.ServerPort = true, uint16(s.clientPort), uint16(s.serverPort)
	}
	if s.protocol >= 0 {
		f.HasProtocol, f.Protocol = true, uint8(s.protocol)
	}
	if s.flags >= 0 {
		f.HasFlags, f.Flags = true, uint8(s.flags)
	}
	for _, a := range s.exporters {
		f.Exporters = append(f.Exporters, a.As16())
	}
	for _, v := range s.inputs {
		f.Inputs = append(f.Inputs, uint32(v))
	}
	for _, v := range s.outputs {
		f.Outputs = append(f.Outputs, uint32(v))
	}
	return f
}

// flowBatch has records of flows: half of them sent by the server, one port in a hundred 22.
func flowBatch(rows int, dict bool) *event.Batch {
	r := rand.New(rand.NewPCG(7, 8))
	b := event.NewBuilder(event.Flow)
	for range rows {
		client, server := int64(1024+r.IntN(60000)), int64(r.IntN(100))
		if r.IntN(2) == 0 {
			b.Text(event.FlowRole, "client")
			b.Int(event.SourcePort, client)
			b.Int(event.DestinationPort, server)
		} else {
			b.Text(event.FlowRole, "server")
			b.Int(event.SourcePort, server)
			b.Int(event.DestinationPort, client)
		}
		for _, id := range []event.FieldID{event.SourceIP, event.DestinationIP} {
			b.IP(id, [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: byte(r.IntN(100)), 14: byte(r.IntN(10)), 15: byte(r.IntN(10))})
		}
		b.Int(event.NetworkIANA, 6)
		b.Text(event.NetworkTransport, "tcp")
		b.Uint(event.SourceBytes, r.Uint64N(100_000))
		b.Int(event.FlowTCPFlags, int64(r.IntN(32)))
		b.Next()
	}
	batch := b.Batch()
	if dict {
		batch = coded(batch)
	}
	return batch
}
