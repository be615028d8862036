package main

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/enrich/enrichtest"
	"tocsin/internal/notifier/notifiertest"
)

// A flowtraqSite is a tocsin that was told of the talks, four minutes ago, and of one more, two hours ago.
type flowtraqSite struct {
	t     *testing.T
	d     *daemon
	tools string // where the tools are
	host  string // where they ask
	base  time.Time
	asked int // rankings
	zone  *time.Location
	old   talk
	key   string // file with the password of boss
	token string // of boss
}

// siteZone is that of the daemon. It has no summer time: an hour that is there twice a year cannot be told by -te.
const siteZone = "America/Phoenix"

func startFlowtraqSite(t *testing.T) *flowtraqSite {
	t.Helper()
	dir := t.TempDir()
	s := &flowtraqSite{t: t, tools: filepath.Join(dir, "cmdline"), key: filepath.Join(dir, "key")}
	countries := enrichtest.File(t, "countries.mmdb", enrichtest.Database{Type: "GeoLite2-Country", Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.City("DE", ""), "203.0.113.0/24": enrichtest.City("DE", ""), "198.51.100.0/24": enrichtest.City("FR", ""), "2001:db8:1::/48": enrichtest.City("FR", "")}})
	udp, tcp := freePort(t, "udp"), freePort(t, "tcp")
	config := filepath.Join(dir, "tocsin.yaml")
	write(t, config, fmt.Sprintf("http: {listen: \"off\", flowtraq: %q}\njournal: {free_floor: off}\nsources: {syslog: [], flows: [{name: flows, udp: %q}]}\nenrich: {databases: [%q]}\n",
		tcp, udp, countries), 0o600)
	serve := command(t, filepath.Join(dir, "data"), "", "serve", "--config", config)
	serve.Env = append(serve.Env, "TZ="+siteZone)
	s.d, s.host = launch(t, filepath.Join(dir, "data"), serve), tcp
	s.d.told("listening for flows")
	write(t, s.key, "correct horse battery\n", 0o600)
	output(t, command(t, s.d.dir, "", "users", "add", "boss", "--admin", "--password-file", s.key))
	s.token = strings.TrimSpace(output(t, command(t, s.d.dir, "", "tokens", "make", "boss", "--scope", "admin")))
	output(t, command(t, s.d.dir, "", "faces", "install", s.tools))
	var err error
	if s.zone, err = time.LoadLocation(siteZone); err != nil {
		t.Fatal(err)
	}

	to, err := net.Dial("udp", udp)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	now := time.Now().Truncate(time.Second)
	s.base = now.Truncate(time.Minute).Add(-4 * time.Minute) // so that the default range of 15 minutes has it for ten minutes
	s.old = talk{"192.0.2.7", "198.51.100.1", 50007, 25, 6, [2]uint32{11, 1}, [2]uint32{13, 2}, 5 * time.Minute, 0}
	four, six := families(talks())
	for _, datagram := range [][]byte{export5(four, s.base, now), export9(six, s.base, now), export5([]talk{s.old}, s.base.Add(-2*time.Hour), now)} {
		if _, err := to.Write(datagram); err != nil {
			t.Fatal(err)
		}
	}
	s.d.eventually("the sessions come", func() bool { return strings.Count(s.run("ns2sq", "-tn", "3h", "-c"), "\n") == len(talks())+1 })
	return s
}

// families parts talks by the family of their addresses.
func families(list []talk) (four, six []talk) {
	for _, one := range list {
		if strings.Contains(one.client, ":") {
			six = append(six, one)
		} else {
			four = append(four, one)
		}
	}
	return four, six
}

// freePort returns an address of this machine that nobody else is given, for "udp" or "tcp".
func freePort(t *testing.T, network string) (address string) {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(notifiertest.Free(t, network)))
}

// run runs a tool and returns what it printed. It must end well and say nothing else.
func (s *flowtraqSite) run(tool string, args ...string) string {
	s.t.Helper()
	// A token is as good as a name and password, and not slow to check. The zone of this process is nobody's business: it is the
	// daemon's that counts.
	cmd := exec.Command(filepath.Join(s.tools, tool), append([]string{"-s", s.host}, args...)...)
	cmd.Env, cmd.Dir = []string{childVar + "=1", atOnce, "HOME=/nowhere", "TZ=Asia/Tokyo", "TOCSIN_TOKEN=" + s.token}, s.tools
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		s.t.Fatalf("%s %s: %v\n%s%s", tool, args, err, out, &said)
	}
	return string(out)
}

// when writes an instant as -te and -tl want it.
func (s *flowtraqSite) when(at time.Time) string {
	return at.In(s.zone).Format("01/02/06 15:04:05.000000")
}
