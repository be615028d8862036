// Package notifiertest helps the tests of notifiers: a notice to send, and certificates for real servers on loopback.
package notifiertest

import (
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
	"path/filepath"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
)

// Notice is about an address that scans.
func Notice() notifier.Notice {
	at := time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)
	return notifier.Notice{Key: "alert-17-CREATE", Change: notifier.Create, User: "alice", Created: at, Attempt: 1, Alert: alert.Alert{
		ID: 17, RuleName: "ssh-scan", Title: "Scan of many hosts: 192.0.2.7", Severity: alert.High, State: alert.Open, Reason: "count was 154 over 1h (limit: above 100)",
		Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}, First: at.Add(-time.Hour), Last: at, Triggers: 3, Value: 154, Limit: 100,
		Samples: []json.RawMessage{[]byte(`{"message":"x"}`)},
	}}
}

// Certify writes a certificate for 127.0.0.1 that signs itself and holds until a time, and its key, as files in PEM.
func Certify(t *testing.T, dir string, until time.Time) (certificate, key string) {
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
