package detect

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/window"
)

const (
	snapshotName    = "tocsin detect"
	snapshotVersion = 1
	sumSize         = sha256.Size
)

// ErrSnapshot is wrapped by every error that means that bytes are not a whole snapshot.
var ErrSnapshot = errors.New("not a snapshot")

// Snapshot returns the state of all rules, and the position in the journal at which it stands. It must not become current
// before everything that was found up to there is safe.
func (e *Engine) Snapshot() ([]byte, event.Position, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := window.NewEncoder(snapshotName, snapshotVersion)
	s.Text(e.position.Epoch)
	s.Uint(uint64(len(e.position.Seqs)))
	for _, part := range slices.Sorted(maps.Keys(e.position.Seqs)) {
		s.Uint(uint64(part))
		s.Uint(e.position.Seqs[part])
	}
	e.clocks.save(s)
	s.Uint(uint64(len(e.rules)))
	for _, r := range e.rules {
		var state window.Encoder
		if err := r.detector.Save(&state); err != nil {
			return nil, event.Position{}, fmt.Errorf("save rule %s: %w", r.rule.Name, err)
		}
		s.Text(r.key)
		s.Int(r.judged)
		s.Uint(uint64(r.panics))
		s.Text(r.disabled)
		s.Uint(flag(r.cold))
		s.Nested(&state)
	}
	out := bytes.NewBuffer(make([]byte, 0, s.Len()+sha256.Size))
	if _, err := s.WriteTo(out); err != nil {
		return nil, event.Position{}, err
	}
	sum := sha256.Sum256(out.Bytes())
	return append(out.Bytes(), sum[:]...), e.position, nil
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Restore puts the engine where a snapshot was taken. Rules that it knows nothing of, or whose state cannot be read,
// begin anew and are named; the snapshot as a whole is taken or refused.
func (e *Engine) Restore(data []byte) (lost []string, err error) {
	if len(data) < sumSize {
		return nil, fmt.Errorf("restore: %w: it is %d bytes long", ErrSnapshot, len(data))
	}
	body, sum := data[:len(data)-sumSize], data[len(data)-sumSize:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, fmt.Errorf("restore: %w: its checksum is wrong", ErrSnapshot)
	}
	s := window.NewDecoder(bytes.NewReader(body), snapshotName, snapshotVersion)
	position := event.Position{Epoch: s.Text()}
	for range s.Count(2) {
		position = position.With(uint16(s.Uint()), s.Uint())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	clocks := newClocks(int64(e.options.Lateness))
	clocks.load(s)
	states := map[string]*saved{}
	for range s.Count(4) {
		key := s.Text()
		states[key] = &saved{judged: s.Int(), panics: int(s.Uint()), disabled: s.Text(), cold: s.Uint() == 1, state: s.Text()}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("restore: %w: %w", ErrSnapshot, err)
	}
	rules := slices.Clone(e.rules)
	for i, r := range rules {
		run, err := e.start(r.rule)
		if err != nil {
			return nil, err
		}
		if was := states[r.key]; was == nil || !was.into(run) {
			lost = append(lost, r.rule.Name)
			if run, err = e.start(r.rule); err != nil {
				return nil, err
			}
		}
		rules[i] = run
	}
	e.rules, e.plans, e.position, e.clocks = rules, plans(rules), position, clocks
	return lost, nil
}

type saved struct {
	judged   int64
	panics   int
	disabled string
	cold     bool
	state    string
}

// into loads the state; false when it cannot be.
func (s *saved) into(r *running) bool {
	_, err := guarded(func() struct{} {
		if err := r.detector.Load(strings.NewReader(s.state)); err != nil {
			panic(err)
		}
		return struct{}{}
	})
	r.judged, r.panics, r.disabled, r.cold = s.judged, s.panics, s.disabled, s.cold
	return err == nil
}

func (c *clocks) save(s *window.Encoder) {
	s.Int(c.received)
	s.Uint(uint64(len(c.sources)))
	names := slices.SortedFunc(maps.Keys(c.sources), func(a, b source) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	for _, k := range names {
		s.Uint(uint64(k.kind))
		s.Text(k.name)
		s.Int(c.sources[k].newest)
		s.Int(c.sources[k].received)
	}
	s.Uint(uint64(len(c.marks)))
	for _, kind := range slices.Sorted(maps.Keys(c.marks)) {
		s.Uint(uint64(kind))
		s.Int(c.marks[kind])
	}
}

func (c *clocks) load(s *window.Decoder) {
	c.received = s.Int()
	for range s.Count(4) {
		k := source{event.Kind(s.Uint()), s.Text()}
		c.sources[k] = &reach{newest: s.Int(), received: s.Int()}
	}
	for range s.Count(2) {
		kind := event.Kind(s.Uint())
		c.marks[kind] = s.Int()
	}
}

// WriteFile makes data the content of a file, whole and synced, or leaves the file as it was.
func WriteFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write snapshot: %w", errors.Join(err, os.Remove(f.Name())))
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// ReadFile returns what WriteFile wrote; nil when there is no such file.
func ReadFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	return data, nil
}
