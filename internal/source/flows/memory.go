// Package flows takes the flows of exporters in: NetFlow, IPFIX and sFlow over UDP, on any number of ports. What protocol a
// datagram is of, its content says.
package flows

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"tocsin/internal/detect"
	"tocsin/internal/flow/netflow"
	"tocsin/internal/flow/session"
	"tocsin/internal/flow/sflow"
)

// A Memory is what is known of exporters and their traffic: templates, sessions, how each exporter does, and its interfaces. All listeners
// share one, and it outlasts them. Its methods may be called from several goroutines.
type Memory struct {
	netflow    *netflow.Decoder
	sflow      *sflow.Decoder
	sessions   *session.Tracker
	exporters  *exporters
	interfaces *interfaces
}

// NewMemory returns one that knows nothing.
func NewMemory() *Memory {
	var salt [8]byte
	rand.Read(salt[:]) // which does not fail
	return &Memory{
		netflow: netflow.New(netflow.Options{}), sflow: sflow.New(), exporters: newExporters(), interfaces: newInterfaces(),
		sessions: session.New(session.Options{Salt: binary.BigEndian.Uint64(salt[:])}),
	}
}

// A part is what is kept in one file.
type part struct {
	name string
	save func() ([]byte, error)
	load func([]byte) error
}

func (m *Memory) parts() []part {
	return []part{
		{"templates.json", m.netflow.Save, m.netflow.Load},
		{"sessions", func() ([]byte, error) { return m.sessions.Save(), nil }, m.sessions.Load},
		{"exporters.json", m.exporters.save, m.exporters.load},
		{"interfaces.json", m.interfaces.save, m.interfaces.load},
	}
}

// Save writes the memory into files of a directory, each of them whole or not at all.
func (m *Memory) Save(dir string) error {
	var errs []error
	for _, p := range m.parts() {
		text, err := p.save()
		if err == nil {
			err = detect.WriteFile(filepath.Join(dir, p.name), text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("keep %s: %w", p.name, err))
		}
	}
	return errors.Join(errs...)
}

// Load reads what Save wrote, before the first listener runs. What there is not, or cannot be read, is left empty: exporters
// send their templates again, and sessions that go on are numbered anew. The error says what that is.
func (m *Memory) Load(dir string) error {
	var errs []error
	for _, p := range m.parts() {
		text, err := detect.ReadFile(filepath.Join(dir, p.name))
		if err == nil && text != nil {
			err = p.load(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read %s again: %w", p.name, err))
		}
	}
	return errors.Join(errs...)
}
