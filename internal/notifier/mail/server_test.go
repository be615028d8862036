package mail_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A letter is what the server took.
type letter struct {
	From, Hello, User, Data string
	To                      []string
	TLS                     bool
}

// A server is a real SMTP server, aiosmtpd, on loopback.
type server struct {
	port    int
	ca      string // file with the authority's certificate
	letters chan letter
}

// python is Debian's own, which has Debian's aiosmtpd. Without it the test is skipped, but fails where CI is set.
func python(t *testing.T) string {
	t.Helper()
	const path = "/usr/bin/python3"
	if err := exec.Command(path, "-c", "import aiosmtpd").Run(); err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no aiosmtpd: install Debian's python3-aiosmtpd")
	}
	t.Skip("no aiosmtpd (Debian: python3-aiosmtpd)")
	return ""
}

// serve starts a server whose certificate holds until a time.
func serve(t *testing.T, mode string, until time.Time) *server {
	t.Helper()
	s := &server{letters: make(chan letter, 16)}
	dir := t.TempDir()
	certificate, key := certify(t, dir, until)
	s.ca = certificate
	cmd := exec.CommandContext(t.Context(), python(t), "testdata/server.py", mode, certificate, key)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		t.Fatal("the server says nothing")
	}
	if s.port, err = strconv.Atoi(strings.TrimSpace(lines.Text())); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.letters)
		for lines.Scan() {
			var l letter
			if json.Unmarshal(lines.Bytes(), &l) == nil {
				s.letters <- l
			}
		}
	}()
	return s
}

// certify makes a certificate for 127.0.0.1 that signs itself.
func certify(t *testing.T, dir string, until time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: packed}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}
