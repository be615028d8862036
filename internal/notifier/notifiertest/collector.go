package notifiertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	ports := map[string]int{"udp": Free(t, "udp"), "tcp": Free(t, "tcp"), "tls": Free(t, "tcp")}
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

// Free is a port that nobody uses now.
func Free(t *testing.T, network string) int {
	t.Helper()
	if network == "udp" {
		l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), network, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.LocalAddr().(*net.UDPAddr).Port //nolint:forcetypeassert // UDP was asked for
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // TCP was asked for
}

// Eventually waits for another process.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
