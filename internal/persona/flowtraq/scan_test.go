package flowtraq

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/define"
	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/rule"
	telling "tocsin/internal/source/flows" // the package has other flows
)

// A judging shows what a source takes to rules as it comes.
type judging struct {
	mu     sync.Mutex
	engine *detect.Engine
	found  []alert.Finding
	judged chan int // rows of each batch
}

func (j *judging) Take(_ context.Context, _ string, b *event.Batch) error {
	j.mu.Lock()
	j.found = append(j.found, j.engine.Apply(b).Findings...)
	j.mu.Unlock()
	j.judged <- b.Rows
	return nil
}

// sshDatagram is NetFlow 5 as Cisco describes it (NetFlow Services Solutions Guide, table B-3 and B-4): a client asks servers for
// port 22, from the one of a number on, each of which answers.
func sshDatagram(client, first, servers int, sequence uint32, now time.Time) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(be.AppendUint16(nil, 5), uint16(2*servers)) //nolint:gosec // 30 at most
	b = be.AppendUint32(b, 3_600_000)
	b = be.AppendUint32(b, uint32(now.Unix())) //nolint:gosec // of this century
	b = be.AppendUint32(be.AppendUint32(be.AppendUint32(b, 0), sequence), 0)
	add := func(from, to [4]byte, fromPort, toPort int, flags byte) {
		r := make([]byte, 48)
		copy(r, from[:])
		copy(r[4:], to[:])
		be.PutUint32(r[16:], 3)
		be.PutUint32(r[20:], 180)
		be.PutUint32(r[24:], 3_590_000)
		be.PutUint32(r[28:], 3_591_000)
		be.PutUint16(r[32:], uint16(fromPort)) //nolint:gosec // a port
		be.PutUint16(r[34:], uint16(toPort))   //nolint:gosec // a port
		r[37], r[38] = flags, 6
		b = append(b, r...)
	}
	for i := range servers {
		n := first + i
		one, other := [4]byte{198, 51, 100, byte(client)}, [4]byte{10, 0, byte(n >> 8), byte(n)}
		add(one, other, 20_000+n, 22, 0x02)
		add(other, one, 22, 20_000+n, 0x12)
	}
	return b
}

// FlowTraq's worked example, unique hosts of a host above 100 within an hour where the server's port is 22, on what an exporter of
// NetFlow 5 sends: the scanner is found, at its hundred and first server and once, and told in FlowTraq's words; somebody who
// asks a hundred is not, nor is any of the servers.
func TestScanForSSH(t *testing.T) {
	d := define.Definition{Title: "SSH scan", Where: "flowtraq: SRVPORT == 22", Metric: "unique hosts", Entity: "host", Limit: 100, Over: time.Hour, Severity: alert.High}
	r, err := d.Rule()
	if err != nil {
		t.Fatal(err)
	}
	r.ID, r.Enabled = 7, true
	engine, err := detect.New(detect.Options{}, []rule.Rule{r})
	if err != nil {
		t.Fatal(err)
	}
	in := &judging{engine: engine, judged: make(chan int, 100)}
	s, err := telling.Open(t.Context(), telling.Options{Name: "flows", Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Memory: telling.NewMemory(), Take: in.Take})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, nil) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	to, err := net.Dial("udp", s.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() })

	now, sequence := time.Now(), uint32(0)
	ask := func(client, servers int) {
		for n := 0; n < servers; n += 15 {
			some := min(15, servers-n)
			if _, err := to.Write(sshDatagram(client, n, some, sequence, now)); err != nil {
				t.Fatal(err)
			}
			sequence += uint32(2 * some)                                   //nolint:gosec // few
			for rows, late := 0, time.After(time.Minute); rows < 2*some; { // one after the other: nothing may be dropped on the way
				select {
				case n := <-in.judged:
					rows += n
				case <-late:
					t.Fatalf("%d of %d records came", rows, 2*some)
				}
			}
		}
	}
	ask(1, 100)
	ask(2, 101)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	in.found = append(in.found, engine.Tick(now.Add(3*time.Hour).UnixNano()).Findings...)
	in.found = slices.DeleteFunc(in.found, func(f alert.Finding) bool { return f.Ended })
	if len(in.found) == 0 {
		t.Fatal("nothing was found")
	}
	triggers := 0
	for _, f := range in.found {
		triggers += f.Triggers
		if _, err := netip.ParseAddr(f.Entity[0].Value); err != nil || f.Entity.String() != "198.51.100.2" || f.Value != 101 {
			t.Errorf("found %+v, want the scanner alone, at 101", f)
		}
	}
	first := in.found[0]
	a := alert.Alert{ID: 1, Rule: r.ID, Severity: r.Severity, Title: r.Title, Entity: first.Entity, Last: time.Unix(0, first.Time), Triggers: int64(triggers), Limit: first.Limit}
	w, ok := word(&r)
	if !ok {
		t.Fatal("FlowTraq has no words for its own example")
	}
	want := regexp.MustCompile(`^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\.\d{6}  7 HIGH "Upper threshold exceeded on unique hosts for address 198\.51\.100\.2\." ID=1 type=ANALYTICAL state=NOT-ACKNOWLEDGED user=alertuser ` + fmt.Sprintf(`v1=%d v2=100$`, triggers))
	if got := line(&a, "alertuser", &w, time.UTC); !want.MatchString(got) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
