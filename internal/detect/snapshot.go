package detect

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/rule"
	"tocsin/internal/window"
)

const (
	snapshotName    = "tocsin detect"
	snapshotVersion = 2
)

// ErrSnapshot is wrapped by every error that means that bytes are not a whole snapshot.
var ErrSnapshot = errors.New("not a snapshot")

// Snapshot writes the state of all rules to w, and returns the position in the journal at which it stands. It must not become
// current before everything that was found up to there is safe. While w is written to others may ask the engine how things stand;
// what would change them waits until the end. The error of w ends it.
func (e *Engine) Snapshot(w io.Writer) (event.Position, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	var head bytes.Buffer
	if err := window.NewEncoder(&head, snapshotName, snapshotVersion).Flush(); err != nil {
		return event.Position{}, err
	}
	out := newSections(head.Bytes(), func(p []byte) error {
		e.mu.Unlock() // whoever asks does not wait for a disk
		defer e.mu.Lock()
		_, err := w.Write(p)
		return err
	})
	rules := e.rules // those that run now; others may be set meanwhile
	if err := e.save(out, rules); err != nil {
		return event.Position{}, err
	}
	for _, r := range rules {
		if err := r.detector.Save(out); err != nil {
			return event.Position{}, fmt.Errorf("save rule %s: %w", r.rule.Name, err)
		}
		if err := out.end(); err != nil {
			return event.Position{}, err
		}
	}
	return e.position, out.close()
}

// save writes what is not of one detector: where the engine stands, its clocks, and how its rules are.
func (e *Engine) save(out *sections, rules []*running) error {
	s := window.NewEncoder(out, snapshotName, snapshotVersion)
	s.Text(e.position.Epoch)
	s.Uint(uint64(len(e.position.Seqs)))
	for _, part := range slices.Sorted(maps.Keys(e.position.Seqs)) {
		s.Uint(uint64(part))
		s.Uint(e.position.Seqs[part])
	}
	e.clocks.save(s)
	s.Uint(uint64(len(rules)))
	for _, r := range rules {
		s.Text(r.key)
		s.Int(r.judged)
		s.Uint(uint64(r.panics))
		s.Text(r.disabled)
		s.Uint(flag(r.cold))
	}
	if err := s.Flush(); err != nil {
		return err
	}
	return out.end()
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Restore puts the engine where a snapshot was taken. Rules that it knows nothing of, or whose state cannot be read,
// begin anew and are named; the snapshot as a whole is taken or refused.
func (e *Engine) Restore(from io.Reader) (lost []string, err error) {
	in := bufio.NewReader(from)
	version, head := snapshotHead(in)
	e.turn.Lock()
	defer e.turn.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	next := &restored{clocks: newClocks(int64(e.options.Lateness)), running: map[string]*running{}, rules: e.rules, start: e.start}
	switch version {
	case 1:
		err = next.whole(in)
	case snapshotVersion:
		err = next.inSections(head, in)
	default:
		err = fmt.Errorf("%w: it is of another version, or nothing of the kind", ErrSnapshot)
	}
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	rules := slices.Clone(e.rules)
	for i, r := range rules {
		run := next.running[r.key]
		if run == nil {
			lost = append(lost, r.rule.Name)
			if run, err = e.start(r.rule); err != nil {
				return nil, err
			}
		}
		rules[i] = run
	}
	e.rules, e.plans, e.position, e.clocks = rules, plans(rules), next.position, next.clocks
	return lost, nil
}

// snapshotHead returns the version of a snapshot and all bytes before its sections, of which the version is the last; 0 when it is none.
func snapshotHead(in *bufio.Reader) (version byte, head []byte) {
	name := append([]byte{byte(len(snapshotName))}, snapshotName...)
	if head, err := in.Peek(len(name) + 1); err == nil && bytes.HasPrefix(head, name) {
		return head[len(name)], bytes.Clone(head)
	}
	return 0, nil
}

// restored is what a snapshot holds.
type restored struct {
	position event.Position
	clocks   clocks
	running  map[string]*running // by key: those of rules whose state could be read
	rules    []*running          // that are looked for
	start    func(rule.Rule) (*running, error)
}

func (n *restored) inSections(head []byte, in *bufio.Reader) error {
	if _, err := in.Discard(len(head)); err != nil {
		return err
	}
	f := newFramed(head, in)
	f.section()
	s := window.NewDecoder(f, snapshotName, snapshotVersion)
	n.stand(s)
	list := make([]saved, s.Count(5))
	for i := range list {
		list[i] = saved{key: s.Text(), judged: s.Int(), panics: int(s.Uint()), disabled: s.Text(), cold: s.Uint() == 1}
	}
	if err := s.Err(); err != nil {
		return foul(err)
	}
	for i := range list {
		f.section()
		if err := n.take(&list[i], f); err != nil {
			return err
		}
	}
	return f.done()
}

// foul says that something is no snapshot because of err, unless that says so, or is about something else.
func foul(err error) error {
	if errors.Is(err, window.ErrState) {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return err
}

// stand reads where the engine and its clocks stand.
func (n *restored) stand(s *window.Decoder) {
	n.position = event.Position{Epoch: s.Text()}
	for range s.Count(2) {
		n.position = n.position.With(uint16(s.Uint()), s.Uint())
	}
	n.clocks.load(s)
}

// saved is how a rule was, besides the state of its detector.
type saved struct {
	key      string
	judged   int64
	panics   int
	disabled string
	cold     bool
}

// take starts the rule that has a state, if it is there still, and loads the state. Without it, the rule begins anew.
func (n *restored) take(was *saved, state io.Reader) error {
	at := slices.IndexFunc(n.rules, func(r *running) bool { return r.key == was.key })
	if at < 0 {
		return nil
	}
	r, err := n.start(n.rules[at].rule)
	if err != nil {
		return err
	}
	loaded, err := guarded(func() error { return r.detector.Load(state) })
	if err == nil && loaded == nil {
		r.judged, r.panics, r.disabled, r.cold = was.judged, was.panics, was.disabled, was.cold
		n.running[was.key] = r
	}
	return nil
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
