package quarantine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A segment file begins with head: a magic and a random number. Behind it stand frames, one for each entry: a mark, the
// length of the payload, its checksum, the payload; numbers are little endian. The checksum (CRC-32C) begins with the random number,
// so that a record that was made to look like a frame is none when what stands before it is damaged.
const (
	fileMagic = "tocsinQ1"
	head      = len(fileMagic) + 4
	mark      = 0x51c5a07e
	frame     = 12
	suffix    = ".rejected"
)

// A segment is one file of entries.
type segment struct {
	number uint64
	size   int64
	salt   uint32
	newest time.Time // receipt of the entry that came last
	lowID  uint64
	highID uint64
}

func (s *Store) path(number uint64) string {
	return filepath.Join(s.options.Dir, fmt.Sprintf("%010d%s", number, suffix))
}

// note takes the id and time of an entry of the segment in.
func (g *segment) note(e *Entry) {
	if e.Received.After(g.newest) {
		g.newest = e.Received
	}
	if g.lowID == 0 || e.ID < g.lowID {
		g.lowID = e.ID
	}
	g.highID = max(g.highID, e.ID)
}

// appendFrame encodes an entry; its checksum is filled in by seal, when it is known which segment it goes to.
func appendFrame(to []byte, e *Entry) []byte {
	at := len(to)
	to = binary.LittleEndian.AppendUint32(to, mark)
	to = append(to, 0, 0, 0, 0, 0, 0, 0, 0)
	to = appendPayload(to, e)
	binary.LittleEndian.PutUint32(to[at+4:], uint32(len(to)-at-frame))
	return to
}

// seal fills in the checksum of one frame.
func seal(f []byte, salt uint32) {
	binary.LittleEndian.PutUint32(f[8:], checksum(f[frame:], salt))
}

func checksum(payload []byte, salt uint32) uint32 {
	return crc32.Update(salt, crc32.MakeTable(crc32.Castagnoli), payload)
}

// firstFrame returns the frame at the beginning of b, nil when there is no whole one.
func firstFrame(b []byte) []byte {
	if len(b) < frame || binary.LittleEndian.Uint32(b) != mark {
		return nil
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n > maxPayload || len(b)-frame < int(n) {
		return nil
	}
	return b[:frame+int(n)]
}

// walk shows the entries of a segment file. What is damaged is left out: it looks for the next frame that is whole. damaged
// counts the places, and good is where the last whole frame ends.
func walk(text []byte, each func(*Entry) error) (salt uint32, good int64, damaged int, err error) {
	if len(text) < head || string(text[:len(fileMagic)]) != fileMagic {
		return 0, 0, 1, nil
	}
	salt = binary.LittleEndian.Uint32(text[len(fileMagic):])
	at, lost := head, false
	good = int64(at)
	for at < len(text) {
		f := firstFrame(text[at:])
		if f != nil && binary.LittleEndian.Uint32(f[8:]) == checksum(f[frame:], salt) {
			if e, bad := readPayload(f[frame:]); bad == nil {
				if err := each(&e); err != nil {
					return salt, good, damaged, err
				}
				at += len(f)
				good, lost = int64(at), false
				continue
			}
		}
		if !lost {
			damaged++
			lost = true
		}
		next := bytes.Index(text[at+1:], binary.LittleEndian.AppendUint32(nil, mark))
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return salt, good, damaged, nil
}

// read returns the content of a segment. One that is larger than any that was written is read as far as that.
func (s *Store) read(g *segment) ([]byte, error) {
	text, err := os.ReadFile(s.path(g.number))
	if err != nil {
		return nil, err
	}
	return text[:min(int64(len(text)), g.size)], nil
}

// list finds the segment files. Unfinished ones that a crash left are removed.
func (s *Store) list() ([]*segment, error) {
	names, err := os.ReadDir(s.options.Dir)
	if err != nil {
		return nil, err
	}
	var found []*segment
	for _, entry := range names {
		name := entry.Name()
		if strings.HasSuffix(name, unfinished) {
			if err := os.Remove(filepath.Join(s.options.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			continue
		}
		digits, ok := strings.CutSuffix(name, suffix)
		number, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		found = append(found, &segment{number: number, size: info.Size()})
	}
	slices.SortFunc(found, func(a, b *segment) int { return int(min(max(int64(a.number)-int64(b.number), -1), 1)) })
	return found, nil
}

const unfinished = ".new"

// replace puts content in the place of a file as a whole, and syncs it.
func (s *Store) replace(path string, content []byte) (err error) {
	temporary := path + unfinished
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(temporary))
		}
	}()
	if _, err = f.Write(content); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = os.Rename(temporary, path); err != nil {
		return err
	}
	return errors.Join(f.Close(), s.syncDir())
}

// syncDir makes names that were made or removed last.
func (s *Store) syncDir() error {
	d, err := os.Open(s.options.Dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
