package filter

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// drawFlowTraq draws a filter and reads it behind a prefix. Of ten thousand one grows too large, by many ^| and names of flags: that one
// is refused with its reason, and another is drawn.
func drawFlowTraq(t *rapid.T, c chooser, prefix string) (flowCondition, *FlowTraq) {
	for {
		cond := drawFlow(c, 2)
		f, err := ParseFlowTraq(prefix + cond.text)
		if err == nil {
			return cond, f
		}
		if !strings.Contains(err.Error(), "the filter is too large in tocsin's own spelling") {
			t.Fatalf("ParseFlowTraq(%s): %v", cond.text, err)
		}
	}
}

// TestFlowTraqIsModel draws filters and records and compares what is selected of events, and what matches of sessions, with
// the model.
func TestFlowTraqIsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := chooser{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))}
		cond, f := drawFlowTraq(t, c, pick(c, []string{"", "flowtraq:", " FlowTraq: "}))
		again, err := Parse(f.Native())
		if err != nil || again.String() != f.Native() || !reflect.DeepEqual(stripped(f.Expr()), stripped(again)) {
			t.Fatalf("%s becomes %s, which reads as %v, %v", cond.text, f.Native(), again, err)
		}
		models := make([]flowModel, pick(c, []int{1, 3, 64, 100}))
		b := event.NewBuilder(event.Flow)
		for i := range models {
			models[i] = drawFlowModel(c)
			models[i].append(c, b)
		}
		batch := b.Batch()
		var want []int32
		for i := range models {
			if cond.holds(&models[i]) {
				want = append(want, int32(i))
			}
			whole := models[i]
			whole.record, whole.numberless = false, false
			if got, want := f.Match(whole.session()), cond.holds(&whole); got != want {
				t.Fatalf("%s: Match(%+v) = %v, want %v", cond.text, whole, got, want)
			}
		}
		for form, b := range map[string]*event.Batch{"plain": batch, "coded": coded(batch)} {
			if got := Compile(f.Expr()).Select(b, nil); !slices.Equal(got, want) {
				t.Fatalf("%s, which is %s, on %s columns: Select gives %v, want %v", cond.text, f.Native(), form, got, want)
			}
		}
	})
}

// TestFlowTraqSessions draws sessions of several records: Match is the model of all of them together, and what matches is
// never left out by Records.
func TestFlowTraqSessions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := chooser{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))}
		cond, f := drawFlowTraq(t, c, "")
		for range 20 {
			whole := drawFlowModel(c)
			whole.record, whole.numberless = false, false
			b := event.NewBuilder(event.Flow)
			for i := range 3 {
				one := drawFlowModel(c)
				one.client, one.server, one.clientPort, one.serverPort, one.protocol = whole.client, whole.server, whole.clientPort, whole.serverPort, whole.protocol
				one.numberless, one.nameless = false, true
				if i == 0 { // the session is told by its records
					whole.flags, whole.clientBytes, whole.serverBytes, whole.clientPackets, whole.serverPackets = -1, 0, 0, 0, 0
					whole.exporters, whole.inputs, whole.outputs = nil, nil, nil
				}
				whole.clientBytes, whole.serverBytes = whole.clientBytes+one.clientBytes/4, whole.serverBytes+one.serverBytes/4
				whole.clientPackets, whole.serverPackets = whole.clientPackets+one.clientPackets/4, whole.serverPackets+one.serverPackets/4
				whole.exporters, whole.inputs, whole.outputs = append(whole.exporters, one.exporters...), append(whole.inputs, one.inputs...), append(whole.outputs, one.outputs...)
				if one.flags >= 0 {
					whole.flags = max(whole.flags, 0) | one.flags
				}
				one.append(c, b)
			}
			got := f.Match(whole.session())
			if want := cond.holds(&whole); got != want {
				t.Fatalf("%s: Match(%+v) = %v, want %v", cond.text, whole, got, want)
			}
			if rows := Compile(f.Records()).Select(b.Batch(), nil); got && len(rows) != 3 {
				t.Fatalf("%s matches, but Records, %s, selects rows %v of 3", cond.text, f.Records(), rows)
			}
		}
	})
}

// TestFlowTraqNative fixes what filters become.
func TestFlowTraqNative(t *testing.T) {
	for text, want := range map[string]string{
		``:                               `true`,
		` `:                              `true`,
		`flowtraq:`:                      `true`,
		`SRVPORT==22`:                    `flow.role == "server" && source.port == 22 || flow.role != "server" && destination.port == 22`,
		`clnport < 1024`:                 `flow.role == "server" && destination.port < 1024 || flow.role != "server" && source.port < 1024`,
		`PORT!=22`:                       `!(source.port == 22 || destination.port == 22)`,
		`!PORT==22`:                      `!(source.port == 22 || destination.port == 22)`,
		`!!PORT==22`:                     `source.port == 22 || destination.port == 22`,
		`ADDR == 10.1.2.3/8`:             `source.ip in cidr("10.0.0.0/8") || destination.ip in cidr("10.0.0.0/8")`,
		`ADDR=='::ffff:192.0.2.1'`:       `source.ip == "192.0.2.1" || destination.ip == "192.0.2.1"`,
		`ADDR==2001:DB8::/32`:            `source.ip in cidr("2001:db8::/32") || destination.ip in cidr("2001:db8::/32")`,
		`PROTO==tcp`:                     `network.iana_number == 6 || network.transport == "tcp"`,
		`PROTO==IPv6-ICMP`:               `network.iana_number == 58 || network.transport == "ipv6-icmp"`,
		`PROTO==6`:                       `network.iana_number == 6 || network.transport == "tcp"`,
		`PROTO==200`:                     `network.iana_number == 200`,
		`PROTO>=UDP`:                     `network.iana_number >= 17`,
		`PROTO<300`:                      `network.iana_number < 300`,
		`BYTES>5`:                        `source.bytes > 5`,
		`TOTPKTS>5`:                      `source.packets > 5`,
		`CLNBYTS>5`:                      `flow.role != "server" && source.bytes > 5`,
		`CLNBYTS<5`:                      `flow.role == "server" || flow.role != "server" && source.bytes < 5`,
		`SRVPKTS>5`:                      `flow.role == "server" && source.packets > 5`,
		`SRVPKTS!=0`:                     `!(flow.role == "server" && source.packets == 0 || flow.role != "server")`,
		`TOTBYTS==18446744073709551615`:  `source.bytes == 18446744073709551615`,
		`COUNTRY==de`:                    `source.geo.country_iso_code == "DE" || destination.geo.country_iso_code == "DE"`,
		`EXPORTER==192.0.2.1`:            `observer.ip == "192.0.2.1"`,
		`INIF==3 && OUTIF!=4`:            `flow.ingress == 3 && flow.egress != 4`,
		`INTERFACE==3`:                   `flow.ingress == 3 || flow.egress == 3`,
		`FLAGS==18`:                      `flow.tcp_flags == 18`,
		`APP!="http && more"`:            `network.application != "http && more"`,
		`APP==""`:                        `!(has(network.application)) || network.application == ""`,
		`GROUP==servers`:                 `source.group == "servers" || destination.group == "servers"`,
		`ASN==64496`:                     `source.as.number == 64496 || destination.as.number == 64496`,
		`EXPORTER==::1^|FLAGS==2`:        `observer.ip == "::1" && flow.tcp_flags != 2 || observer.ip != "::1" && flow.tcp_flags == 2`,
		`FLAGS==1||FLAGS==2&&FLAGS==3`:   `flow.tcp_flags == 1 || flow.tcp_flags == 2 && flow.tcp_flags == 3`,
		`(FLAGS==1||FLAGS==2)&&FLAGS==3`: `(flow.tcp_flags == 1 || flow.tcp_flags == 2) && flow.tcp_flags == 3`,
		`!FLAGS==1&&FLAGS==2`:            `flow.tcp_flags != 1 && flow.tcp_flags == 2`,
		`FLAGS==1^|FLAGS==2&&FLAGS==3`:   `flow.tcp_flags == 1 && !(flow.tcp_flags == 2 && flow.tcp_flags == 3) || flow.tcp_flags != 1 && flow.tcp_flags == 2 && flow.tcp_flags == 3`,
	} {
		if f, err := ParseFlowTraq(text); err != nil || f.Native() != want {
			t.Errorf("Native of %s: got %v, %v, want %s", text, f, err, want)
		}
		if e, err := Parse("\n flowtraq: " + strings.TrimPrefix(text, "flowtraq:")); err != nil || e.String() != want {
			t.Errorf("Parse(flowtraq: %s) = %v, %v, want %s", text, e, err, want)
		}
	}
}

// TestFlowTraqNeedsSession: what the records of a session tell only together.
func TestFlowTraqNeedsSession(t *testing.T) {
	for text, want := range map[string]bool{
		``: false, `SRVPORT==22`: false, `EXPORTER==::1 && APP==x`: false,
		`BYTES>1`: true, `SRVPORT==22 && (ADDR==::1 || !TOTPKTS<5)`: true, `FLAGS==SYN`: true,
	} {
		f, err := ParseFlowTraq(text)
		if err != nil || f.NeedsSession() != want {
			t.Errorf("ParseFlowTraq(%s): NeedsSession %v, want %v; %v", text, !want, want, err)
		}
	}
	f, err := ParseFlowTraq("TOTBYTS == 18446744073709551615")
	if err != nil || !f.Match(&FlowSession{ClientBytes: 1 << 63, ServerBytes: 1<<63 + 5}) {
		t.Errorf("a sum that is too large is not the largest there is: %v", err)
	}
}

func TestFlowTraqRecords(t *testing.T) {
	for text, want := range map[string]string{
		`SRVPORT==22 && TOTBYTS>1000`:       `source.port == 22 || destination.port == 22`,
		`SRVPORT!=22 && TOTBYTS>1000`:       `true`,
		`PORT!=22 && TOTBYTS>1000`:          `!(source.port == 22 || destination.port == 22)`,
		`!(PORT==22 || TOTBYTS>1000)`:       `!(source.port == 22 || destination.port == 22)`,
		`!(PORT==22 && TOTBYTS>1000)`:       `true`,
		`CLNIP==::1 || SRVPORT==22`:         `source.ip == "::1" || destination.ip == "::1" || source.port == 22 || destination.port == 22`,
		`(PORT==22 ^| BYTES>1) && PROTO>=6`: `network.iana_number >= 6`,
		`EXPORTER==::1 && ASN==1`:           `true`,
		``:                                  `true`,
	} {
		f, err := ParseFlowTraq(text)
		if err != nil {
			t.Errorf("ParseFlowTraq(%s): %v", text, err)
			continue
		}
		if got := f.Records().String(); got != want {
			t.Errorf("ParseFlowTraq(%s).Records() = %s, want %s", text, got, want)
		}
	}
}

// TestFlowTraqLarge: what would grow without bound is refused, and not slowly.
func TestFlowTraqLarge(t *testing.T) {
	many := func(part, word string, n int) string { return strings.TrimSuffix(strings.Repeat(part+word, n), word) }
	for text, says := range map[string]string{
		many("SRVPORT==1", "||", 4000):                                            "the filter has more than 10000 comparisons in tocsin's own spelling",
		many("SRVPORT==1", "||", 1000):                                            "the filter is too large in tocsin's own spelling",
		many("SRVPORT==1", "^|", 4000):                                            "the filter has more than 10000 comparisons in tocsin's own spelling",
		many("FLAGS==SYN", "&&", 70):                                              "",
		many("FLAGS==1", "^|", 16):                                                "",
		many("PORT==1", "||", 800):                                                "",
		strings.Repeat("!", 60_000) + "PORT==1":                                   "",
		strings.Repeat("(", 100) + "PORT==1" + strings.Repeat(")", 100):           "",
		strings.Repeat("(", 101) + "PORT==1" + strings.Repeat(")", 101):           "more than 100 brackets inside each other (line 1, column 101)",
		strings.Repeat("(PORT==1 ^|", 90) + "PORT==2" + strings.Repeat(")", 90):   "the filter has more than 10000 comparisons in tocsin's own spelling",
		strings.Repeat("(PORT==1 && !", 90) + "PORT==2" + strings.Repeat(")", 90): "",
		"PORT==" + strings.Repeat("1", maxText):                                   "the filter has 65542 bytes, want at most 65536",
	} {
		_, err := ParseFlowTraq(text)
		switch {
		case err == nil && says != "":
			t.Errorf("ParseFlowTraq(%.40q...) is taken, want: %s", text, says)
		case err != nil && (says == "" || !strings.Contains(err.Error(), says)):
			t.Errorf("ParseFlowTraq(%.40q...): %.200v, want: %q", text, err, says)
		}
	}
}

// TestFlowTraqMistakes fixes whole messages.
func TestFlowTraqMistakes(t *testing.T) {
	for _, c := range []struct {
		text   string
		column int
		reason string
		hint   string
	}{
		{"SRVPRT==22", 1, `no field "SRVPRT"`, "did you mean SRVPORT?"},
		{"flowtraq: SRVPRT==22", 11, `no field "SRVPRT"`, "did you mean SRVPORT?"},
		{"source.ip==::1", 1, `no field "source.ip"`, "this is a field of tocsin's own language, which is written without flowtraq:"},
		{"xyzzyxyzzy==1", 1, `no field "xyzzyxyzzy"`, "fields are SRVIP CLNIP ADDR SRVPORT CLNPORT PORT PROTO CLNPKTS SRVPKTS PACKETS TOTPKTS CLNBYTS SRVBYTS BYTES TOTBYTS SRVCOUNTRY CLNCOUNTRY COUNTRY SRVASN CLNASN ASN SRVGROUP CLNGROUP GROUP EXPORTER INIF OUTIF INTERFACE FLAGS APP"},
		{"int==1", 1, "INT, the own networks, is not known here: a traffic group is made of them", "tocsin groups set internal 10.0.0.0/8 192.168.0.0/16, and then GROUP==internal, for what comes from then on"},
		{"PORT==22 && !INT", 14, "INT, the own networks, is not known here: a traffic group is made of them", "tocsin groups set internal 10.0.0.0/8 192.168.0.0/16, and then GROUP==internal, for what comes from then on"},
		{"CLNIP!=INT", 8, "INT, the own networks, is not known here: a traffic group is made of them", "tocsin groups set internal 10.0.0.0/8 192.168.0.0/16, and then CLNGROUP==internal, for what comes from then on"},
		{"SRVIP==int", 8, "INT, the own networks, is not known here: a traffic group is made of them", "tocsin groups set internal 10.0.0.0/8 192.168.0.0/16, and then SRVGROUP==internal, for what comes from then on"},
		{"ADDR=='INT'", 7, `found "INT" behind ADDR==, want an address or a network`, "as in ADDR==192.0.2.1 or ADDR==2001:db8::/32"},
		{"'PORT'==1", 1, `found "PORT", want a field`, "a comparison begins with a field, as in SRVPORT==22"},
		{"==1", 1, `found "==", want a field`, "a comparison begins with a field, as in SRVPORT==22"},
		{"PORT==1 &&", 11, "found the end, want a field", "a comparison begins with a field, as in SRVPORT==22"},
		{"()", 2, `found ")", want a field`, "a comparison begins with a field, as in SRVPORT==22"},
		{"PORT", 5, "found the end behind PORT, want == != >= <= > or <", "as in PORT==22 or PORT>=1024"},
		{"PORT 22", 6, `found "22" behind PORT, want == != >= <= > or <`, "as in PORT==22 or PORT>=1024"},
		{"app && PORT==1", 5, `found "&&" behind APP, want == or !=`, "as in APP==https"},
		{"PORT=22", 5, `"=" alone means nothing`, "equality is =="},
		{"PORT==", 7, "found the end behind PORT==, want a port, 0 to 65535", "as in PORT==22 or PORT>=1024"},
		{"PORT==(22)", 7, `found "(" behind PORT==, want a port, 0 to 65535`, "as in PORT==22 or PORT>=1024"},
		{"PORT==65536", 7, `found "65536" behind PORT==, want a port, 0 to 65535`, "as in PORT==22 or PORT>=1024"},
		{"PORT>=-1", 7, `found "-1" behind PORT>=, want a port, 0 to 65535`, "as in PORT==22 or PORT>=1024"},
		{"PORT!=http", 7, `found "http" behind PORT!=, want a port, 0 to 65535`, "as in PORT==22 or PORT>=1024"},
		{"BYTES>1k", 7, `found "1k" behind BYTES>, want a number`, "as in BYTES>=1000"},
		{"BYTES>18446744073709551616", 7, `found "18446744073709551616" behind BYTES>, want a number`, "as in BYTES>=1000"},
		{"PROTO==XTP", 8, `found "XTP" behind PROTO==, want a protocol: its name or its number, 0 to 255`, "as in PROTO==TCP or PROTO==6"},
		{"FLAGS==S", 8, `found "S" behind FLAGS==, want one of FIN SYN RST PSH ACK URG ECE CWR, or their sum, 0 to 255`, "as in FLAGS==SYN or FLAGS==18"},
		{"FLAGS>2", 6, "FLAGS has no order, want == or !=", "as in FLAGS==SYN or FLAGS==18"},
		{"SRVIP<10.0.0.1", 6, "SRVIP has no order, want == or !=", "as in SRVIP==192.0.2.1 or SRVIP==2001:db8::/32"},
		{"SRVIP==10.0.0.300", 8, `found "10.0.0.300" behind SRVIP==, want an address or a network`, "as in SRVIP==192.0.2.1 or SRVIP==2001:db8::/32"},
		{"ADDR==10.0.0.0/33", 7, `found "10.0.0.0/33" behind ADDR==, want an address or a network`, "as in ADDR==192.0.2.1 or ADDR==2001:db8::/32"},
		{"ADDR==fe80::1%eth0", 7, `found "fe80::1%eth0" behind ADDR==, want an address or a network`, "as in ADDR==192.0.2.1 or ADDR==2001:db8::/32"},
		{"EXPORTER!=''", 11, `found "" behind EXPORTER!=, want an address or a network`, "as in EXPORTER==192.0.2.1 or EXPORTER==2001:db8::/32"},
		{"COUNTRY==Germany", 10, `found "Germany" behind COUNTRY==, want a country by its two letters, or ??`, "as in COUNTRY==DE"},
		{"ASN==AS64496", 6, `found "AS64496" behind ASN==, want the number of an autonomous system`, "as in ASN==64496"},
		{"ASN==4294967296", 6, `found "4294967296" behind ASN==, want the number of an autonomous system`, "as in ASN==64496"},
		{"INIF==eth0", 7, `found "eth0" behind INIF==, want the SNMP index of an interface`, "as in INIF==3"},
		{"GROUP==", 8, "found the end behind GROUP==, want the name of a traffic group", `as in GROUP==servers or GROUP=="web servers"`},
		{"GROUP=='x", 8, "this text has no end", "it ends with the quote that it begins with"},
		{"PORT==1 PORT==2", 9, `found "PORT" behind a condition, want && || ^| or the end`, "conditions are joined by && (and), || (or) and ^| (exactly one of two)"},
		{"PORT==1 or PORT==2", 9, `found "or" behind a condition, want && || ^| or the end`, "or is written ||"},
		{"PORT==1)", 8, `found ")" behind a condition, want && || ^| or the end`, "this bracket closes none"},
		{"APP==x y", 8, `found "y" behind a condition, want && || ^| or the end`, "conditions are joined by && (and), || (or) and ^| (exactly one of two)"},
		{"PORT==1 & PORT==2", 9, `"&" alone means nothing`, "and is &&"},
		{"PORT==1 | PORT==2", 9, `"|" alone means nothing`, "or is ||"},
		{"PORT==1 ^ PORT==2", 9, `"^" alone means nothing`, "exactly one of two is ^|"},
		{"(PORT==1 && (PORT==2)", 22, "found the end behind a condition, want && || ^| or )", "the bracket in column 1 is open"},
		{"not PORT==1", 1, `no field "not"`, "not is written !"},
		{"PORT==\xff", 7, "the text is not UTF-8", ""},
		{"é\x1b[31m==1", 1, "no field \"é\\x1b[31m\"", "fields are"},
	} {
		_, err := ParseFlowTraq(c.text)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, fault.Invalid) {
			t.Errorf("ParseFlowTraq(%q): error %v, want an *Error", c.text, err)
			continue
		}
		if e.Line != 1 || e.Column != c.column || e.Reason != c.reason || e.Hint != c.hint && !(c.hint == "fields are" && strings.HasPrefix(e.Hint, c.hint)) {
			t.Errorf("ParseFlowTraq(%q): column %d: %s\n%s\nwant column %d: %s\n%s", c.text, e.Column, e.Reason, e.Hint, c.column, c.reason, c.hint)
		}
		if strings.ContainsAny(e.Error(), "\x1b") {
			t.Errorf("ParseFlowTraq(%q): the message carries control characters: %q", c.text, e)
		}
	}
	_, err := Parse("flowtraq: PORT==22 &&\n  SRVIP=10.0.0.1")
	want := "filter: \"=\" alone means nothing (line 2, column 8)\n    SRVIP=10.0.0.1\n         ^\n  equality is =="
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// FuzzParseFlowTraq: no panic; what is read has a spelling of our own that reads as the same, selects what it selects, and
// judges a session of one record as the record.
func FuzzParseFlowTraq(f *testing.F) {
	for _, s := range []string{
		"SRVPORT==22 && CLNIP==10.0.0.0/8", "!(PROTO==TCP || ADDR!=2001:db8::/32) ^| TOTBYTS>=1000", "GROUP=='web servers'||FLAGS!=SYN",
		"COUNTRY==?? && ASN==0 && APP!=\"\"", "INTERFACE<3^|EXPORTER==::1^|PACKETS<=9", "((((PORT==1", "flowtraq: INT==1", "PORT=1", "'", "^|&&||!",
	} {
		f.Add(s)
	}
	batch := flowBatch(130, false)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseFlowTraq(text)
		if err != nil {
			var own *Error
			if !errors.As(err, &own) || own.Error() == "" || own.Line < 1 || own.Column < 1 || own.Offset > len(own.Text) {
				t.Fatalf("ParseFlowTraq(%q): error %#v", text, err)
			}
			return
		}
		again, err := Parse(q.Native())
		if err != nil || !reflect.DeepEqual(stripped(q.Expr()), stripped(again)) {
			t.Fatalf("ParseFlowTraq(%q) is %q, which reads as %q, %v", text, q.Native(), again, err)
		}
		if len(text) > 2000 {
			return
		}
		rows, all := Compile(q.Expr()).Select(batch, nil), Compile(q.Records()).Select(batch, nil)
		for row := range batch.Rows {
			selected := slices.Contains(rows, int32(row))
			matches := q.Match(sessionOf(batch, row))
			if matches && !slices.Contains(all, int32(row)) {
				t.Fatalf("%q matches row %d, which Records leaves out", text, row)
			}
			if !q.NeedsSession() && selected != matches {
				t.Fatalf("%q selects row %d: %v, and as a session: %v", text, row, selected, matches)
			}
		}
	})
}

// sessionOf reads a row of flowBatch.
func sessionOf(b *event.Batch, row int) *FlowSession {
	value := func(id event.FieldID) uint64 { return uint64(b.Column(id).Nums[row]) }
	role := b.Column(event.FlowRole)
	at, _ := role.Value(row)
	s := &FlowSession{
		Client: b.Column(event.SourceIP).IPs[row], Server: b.Column(event.DestinationIP).IPs[row], HasPorts: true,
		ClientPort: uint16(value(event.SourcePort)), ServerPort: uint16(value(event.DestinationPort)), HasProtocol: true,
		Protocol: uint8(value(event.NetworkIANA)), HasFlags: true, Flags: uint8(value(event.FlowTCPFlags)), ClientBytes: value(event.SourceBytes),
	}
	if string(role.Str(at)) == "server" {
		s.Client, s.Server, s.ClientPort, s.ServerPort = s.Server, s.Client, s.ServerPort, s.ClientPort
		s.ClientBytes, s.ServerBytes = 0, s.ClientBytes
	}
	return s
}
