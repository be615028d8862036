package quarantine

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

// flush writes what waits; disk is held. What cannot be written is counted as not kept.
func (s *Store) flush() {
	s.mu.Lock()
	queue := s.queue
	s.queue, s.spare = s.spare[:0], nil
	s.mu.Unlock()
	err := s.ready()
	for rest := queue; len(rest) > 0; {
		var written int
		if err == nil {
			written, err = s.write(rest)
			if err != nil {
				s.failed(err)
			}
		}
		if err != nil {
			s.giveUp(rest)
			break
		}
		rest = rest[written:]
	}
	s.mu.Lock()
	s.spare = queue[:0]
	s.mu.Unlock()
}

// giveUp counts frames that cannot be written.
func (s *Store) giveUp(queue []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(queue) > 0 {
		f := firstFrame(queue)
		e, err := readPayload(f[frame:])
		if err == nil {
			g := s.group(e.Key())
			g.kept--
			g.bytes -= int64(len(f))
			g.NotKept++
			s.bytes -= int64(len(f))
			s.stats.notKept.Inc()
		}
		queue = queue[len(f):]
	}
	s.dirty = true
}

// write appends as many frames to the active segment as it has room for, and syncs them.
func (s *Store) write(queue []byte) (written int, err error) {
	if s.active == nil {
		if err := s.begin(); err != nil {
			return 0, err
		}
	}
	g := s.segments[len(s.segments)-1]
	room := s.room()
	for written < len(queue) && (written == 0 || g.size+int64(written) < room) {
		f := firstFrame(queue[written:])
		seal(f, g.salt)
		e, err := readPayload(f[frame:])
		if err != nil {
			return 0, err
		}
		g.note(&e)
		written += len(f)
	}
	_, err = s.active.WriteAt(queue[:written], g.size)
	if err == nil {
		err = s.active.Sync()
	}
	if err != nil {
		// What was half written is cut off, or else left out when it is read.
		err = errors.Join(err, s.active.Truncate(g.size), s.active.Close())
		s.active = nil
		return 0, err
	}
	g.size += int64(written)
	if g.size >= room {
		err, s.active = s.active.Close(), nil
	}
	return written, err
}

// begin goes on in the last segment, or makes a new one when that is full.
func (s *Store) begin() error {
	g := &segment{number: 1, size: int64(head)}
	if n := len(s.segments); n > 0 {
		last := s.segments[n-1]
		if last.size >= int64(head) && last.size < s.room() {
			return s.goOn(last)
		}
		g.number = last.number + 1
	}
	var salt [4]byte
	_, _ = rand.Read(salt[:]) // it never fails
	g.salt = binary.LittleEndian.Uint32(salt[:])
	f, err := os.OpenFile(s.path(g.number), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(append([]byte(fileMagic), salt[:]...), 0); err == nil {
		err = s.syncDir()
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(s.path(g.number)))
	}
	s.active = f
	s.segments = append(s.segments, g)
	s.mu.Lock()
	s.bytes += int64(head)
	s.mu.Unlock()
	return nil
}

// goOn opens a segment to append to. What a crash left behind its last whole frame is cut off.
func (s *Store) goOn(g *segment) error {
	f, err := os.OpenFile(s.path(g.number), os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(g.size); err != nil {
		return errors.Join(err, f.Close())
	}
	s.active = f
	return nil
}

// room is what one segment takes, or little more.
func (s *Store) room() int64 { return max(s.options.MaxBytes/perSegment, 64<<10) }

// Scan shows the entries that a filter selects, as they came; each is valid during the call, which may change what is kept.
// What is added meanwhile is not shown.
func (s *Store) Scan(f Filter, each func(*Entry) error) error {
	s.disk.Lock()
	s.flush()
	err := s.ready()
	s.mu.Lock()
	end := s.next
	s.mu.Unlock()
	s.disk.Unlock()
	if err != nil {
		return err
	}
	for number := uint64(0); ; {
		s.disk.Lock()
		at := slices.IndexFunc(s.segments, func(g *segment) bool { return g.number > number })
		if at < 0 {
			s.disk.Unlock()
			return nil
		}
		number = s.segments[at].number
		text, err := s.read(s.segments[at])
		s.disk.Unlock()
		if err != nil {
			return err
		}
		_, _, _, err = walk(text, func(e *Entry) error {
			if e.ID >= end || !f.takes(e) {
				return nil
			}
			return each(e)
		})
		if err != nil {
			return err
		}
	}
}

// Drop removes entries and forgets what was counted of them; it returns how many records that were.
func (s *Store) Drop(f Filter) (int64, error) {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.flush()
	if err := s.ready(); err != nil {
		return 0, err
	}
	n, err := s.rewrite(func(*segment) bool { return true }, func(e *Entry) (keep, changed bool) {
		taken := f.takes(e)
		return !taken, taken
	})
	if err != nil {
		return n, err
	}
	s.mu.Lock()
	for key, g := range s.groups {
		if len(f.IDs) == 0 && f.selects(key) {
			n += g.NotKept
			g.NotKept = 0
			if g.kept == 0 {
				delete(s.groups, key)
			}
		}
	}
	s.mu.Unlock()
	return n, s.saveState()
}

// rewrite shows the entries of some segments to change and writes those anew that differ then; it returns how many entries
// were removed. Disk is held.
func (s *Store) rewrite(concerns func(*segment) bool, change func(*Entry) (keep, changed bool)) (removed int64, err error) {
	for _, g := range slices.Clone(s.segments) {
		if !concerns(g) {
			continue
		}
		n, err := s.rewriteOne(g, change)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (s *Store) rewriteOne(g *segment, change func(*Entry) (keep, changed bool)) (removed int64, err error) {
	text, err := s.read(g)
	if err != nil {
		return 0, err
	}
	after := &segment{number: g.number, salt: g.salt}
	content := append([]byte(fileMagic), binary.LittleEndian.AppendUint32(nil, g.salt)...)
	gone, come := map[Key]*tally{}, map[Key]*tally{}
	touched := false
	_, _, _, _ = walk(text, func(e *Entry) error { // which passes on errors of this function alone
		before := *e
		keep, changed := change(e)
		touched = touched || changed
		if changed {
			tallyOf(gone, before.Key()).take(&before)
		}
		if !keep {
			removed++
			return nil
		}
		if changed {
			tallyOf(come, e.Key()).take(e)
		}
		at := len(content)
		content = appendFrame(content, e)
		seal(content[at:], g.salt)
		after.note(e)
		return nil
	})
	if !touched {
		return 0, nil
	}
	if s.active != nil && g == s.segments[len(s.segments)-1] {
		if err := s.active.Close(); err != nil {
			return 0, err
		}
		s.active = nil
	}
	after.size = int64(len(content))
	if len(content) == head {
		after.size = 0
		if err := os.Remove(s.path(g.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		if err := s.syncDir(); err != nil {
			return 0, err
		}
		s.segments = slices.DeleteFunc(s.segments, func(x *segment) bool { return x == g })
	} else if err := s.replace(s.path(g.number), content); err != nil {
		return 0, err
	}
	s.account(after.size-g.size, gone, come)
	*g = *after
	return removed, nil
}

// account takes a rewritten segment into the tallies.
func (s *Store) account(bytes int64, gone, come map[Key]*tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += bytes
	for key, t := range come {
		g := tallyOf(s.groups, key)
		g.kept += t.kept
		g.bytes += t.bytes
		g.span(t.First, t.Last)
	}
	for key, t := range gone {
		g := tallyOf(s.groups, key)
		g.kept -= t.kept
		g.bytes -= t.bytes
		if g.kept <= 0 && g.NotKept == 0 {
			delete(s.groups, key)
		}
	}
}

// expire removes segments whose entries are all too old.
func (s *Store) expire(now time.Time) error {
	if s.options.Keep <= 0 {
		return nil
	}
	_, err := s.rewrite(func(g *segment) bool { return now.Sub(g.newest) > s.options.Keep },
		func(*Entry) (keep, changed bool) { return false, true })
	return err
}
