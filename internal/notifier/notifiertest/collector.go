package notifiertest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Collector is a real one of syslog messages, rsyslogd, on 127.0.0.1.
type Collector struct {
	Ports  map[string]int // of udp, tcp and tls
	CA     string         // file with the authority's certificate
	Output string         // file that it writes to, each message as it came in a line
}

// Collect starts a collector whose certificate holds until a time. It ends with the test.
func Collect(t *testing.T, until time.Time) Collector {
	t.Helper()
	path, err := exec.LookPath("rsyslogd")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/rsyslogd"); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal("no rsyslogd: install Debian's rsyslog and rsyslog-gnutls")
			}
			t.Skip("no rsyslogd (Debian: rsyslog, rsyslog-gnutls)")
		}
	}
	dir := t.TempDir()
	certificate, key := Certify(t, dir, until)
	found := free(t, "udp", "tcp", "tcp")
	ports := map[string]int{"udp": found[0], "tcp": found[1], "tls": found[2]}
	output := filepath.Join(dir, "output.log")
	settings := fmt.Sprintf(`
global(workDirectory=%[1]q maxMessageSize="16k" defaultNetstreamDriverCAFile=%[2]q defaultNetstreamDriverCertFile=%[2]q defaultNetstreamDriverKeyFile=%[3]q)
module(load="imudp")
module(load="imtcp")
template(name="raw" type="string" string="%%rawmsg%%\n")
input(type="imudp" address="127.0.0.1" port="%[4]d")
input(type="imtcp" address="127.0.0.1" port="%[5]d")
input(type="imtcp" address="127.0.0.1" port="%[6]d" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
*.* action(type="omfile" file=%[7]q template="raw")
`, dir, certificate, key, ports["udp"], ports["tcp"], ports["tls"], output)
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	said := &strings.Builder{}
	cmd := exec.CommandContext(t.Context(), path, "-n", "-f", file, "-i", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("rsyslogd said: %s", said)
		}
	})
	for _, transport := range []string{"tcp", "tls"} {
		Eventually(t, "rsyslogd listens", func() bool {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", ports[transport]))
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return Collector{Ports: ports, CA: certificate, Output: output}
}

// Free is a port of 127.0.0.1 that nobody uses now, for "udp" or "tcp".
func Free(t *testing.T, network string) int {
	t.Helper()
	return free(t, network)[0]
}

// reserved is an address of this machine, as Linux has all of 127.0.0.0/8, at which nothing else listens. Who chooses a port holds it
// there until his test ends: what it is for has it at 127.0.0.1 a moment later, and other tests choose at the same time, also in other
// processes.
const reserved = "127.20.30.40"

// free returns one port for each network, no two of them the same. They lie below those that the system gives to who asks for any
// (32768 and up on Linux, 49152 elsewhere): nobody gets one of them before the program that it is for.
func free(t *testing.T, networks ...string) (ports []int) {
	t.Helper()
	for tries := 0; len(ports) < len(networks); tries++ {
		if tries == 1000 {
			t.Fatal("no port is free")
		}
		port := 20000 + rand.IntN(10000)
		listen := func(host string) (l io.Closer, err error) {
			address := net.JoinHostPort(host, strconv.Itoa(port))
			if network := networks[len(ports)]; network == "udp" {
				return (&net.ListenConfig{}).ListenPacket(t.Context(), network, address)
			}
			return (&net.ListenConfig{}).Listen(t.Context(), networks[len(ports)], address)
		}
		held, err := listen(reserved)
		switch {
		case err == nil:
			t.Cleanup(func() { _ = held.Close() })
		case !errors.Is(err, syscall.EADDRNOTAVAIL): // elsewhere only 127.0.0.1 is there
			continue
		}
		l, err := listen("127.0.0.1")
		if err != nil {
			continue
		}
		defer l.Close() // when all are found, so that they are different ones
		ports = append(ports, port)
	}
	return ports
}

// Eventually waits for another process.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
