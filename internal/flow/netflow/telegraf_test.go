package netflow_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
)

// telegrafCases are the payloads that Telegraf is tested with, and beside them what it makes of them, in InfluxDB's line protocol.
const telegrafCases = "../../../testdata/real/telegraf"

// point is the fields of one line; texts without their quotation marks.
func point(line string) map[string]string {
	fields := map[string]string{}
	quoted := false
	words := strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ',' || r == ' ')
	})
	for _, w := range words {
		if name, value, is := strings.Cut(w, "="); is {
			fields[name] = strings.TrimSuffix(strings.Trim(value, `"`), "u")
		}
	}
	return fields
}

// telegrafFact writes a point, and likeTelegraf the record that is to be it, in the same words.
func telegrafFact(p map[string]string) string {
	count := func(names ...string) string {
		for _, name := range names {
			if n, err := strconv.ParseUint(p[name], 0, 64); err == nil {
				return strconv.FormatUint(n, 10)
			}
		}
		return "0"
	}
	fact := fmt.Sprintf("%s:%s > %s:%s by %s, %s+%s bytes, %s+%s packets, interfaces %s>%s, systems %s>%s", p["src"], p["src_port"], p["dst"], p["dst_port"], p["protocol"],
		count("in_bytes", "in_total_bytes"), count("type_29305_85"), count("in_packets", "in_total_packets"), count("type_29305_86"), count("in_snmp"), count("out_snmp"), count("bgp_src_as"), count("bgp_dst_as"))
	if start := p["flow_start_ms"]; start != "" {
		fact += ", " + start + " to " + p["flow_end_ms"]
	}
	return fact
}

func likeTelegraf(r *flow.Record, version uint16) string {
	fact, _, _ := strings.Cut(factOf(r), " by ")
	fact += fmt.Sprintf(" by %s, %d+%d bytes, %d+%d packets, interfaces %d>%d, systems %d>%d", flow.Transport(r.Protocol), r.Bytes, r.ReverseBytes, r.Packets, r.ReversePackets,
		r.Ingress, r.Egress, r.SourceAS, r.DestinationAS)
	if r.Has&flow.HasTimes != 0 && version != 5 { // Telegraf gives the uptimes of version 5 as they are
		fact += fmt.Sprintf(", %d to %d", r.Start/1e6, r.End/1e6)
	}
	return fact
}

// TestTelegraf: every flow of these payloads, of YAF, nProbe and others, is read as Telegraf reads it, and as many option records; what
// they name is known by that name.
func TestTelegraf(t *testing.T) {
	for name, problems := range map[string]string{
		"ipfix_example": "", "ipfix_options": "", "ipfix_pen_35632": "", "netflow_v5_example": "", "netflow_v9_options": "",
		"issue_14370":        "truncated", // its length is two bytes short, which are padding
		"netflow_v9_example": "bad-time",  // its header is of the day before its flows
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := os.Open(filepath.Join(telegrafCases, name, "expected.out"))
			if err != nil {
				t.Fatal(err)
			}
			defer lines.Close()
			b := newBench(netflow.Options{})
			b.now = 0 // and then the latest time of all
			var want []string
			var options []map[string]string
			for s := bufio.NewScanner(lines); s.Scan(); {
				p := point(s.Text())
				if p["src"] == "" {
					options = append(options, p)
					continue
				}
				want = append(want, telegrafFact(p))
				if end, err := strconv.ParseInt(p["flow_end_ms"], 10, 64); err == nil {
					b.now = max(b.now, end*1e6)
				}
			}
			paths, err := filepath.Glob(filepath.Join(telegrafCases, name, "*.bin"))
			if err != nil || len(paths) == 0 || len(want)+len(options) == 0 {
				t.Fatalf("%d payloads, %d flows and %d options wanted: %v", len(paths), len(want), len(options), err)
			}
			datagrams := make([][]byte, len(paths))
			for i, path := range paths {
				if datagrams[i], err = os.ReadFile(path); err != nil {
					t.Fatal(err)
				}
				b.now = max(b.now, exportedAt(datagrams[i]))
			}
			records, all := b.takeAll(datagrams)
			var got []string
			for i := range records {
				got = append(got, likeTelegraf(&records[i], all.Version))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || all.Options != len(options) || all.String() != problems {
				t.Errorf("%d options, want %d; %q, want %q (-want +got):\n%s", all.Options, len(options), &all, problems, diff)
			}
			for _, p := range options {
				iface, _ := strconv.ParseUint(p["in_snmp"], 10, 32)
				app, _ := strconv.ParseUint(p["app_id"], 0, 32)
				gotIface, gotApp := b.Names(addr("192.0.2.1"), all.Version, all.Domain, uint32(iface), uint32(app))
				if gotIface != p["interface"] || gotApp != p["app_name"] {
					t.Fatalf("names are %q and %q, want those of %v", gotIface, gotApp, p)
				}
			}
		})
	}
}
