package journal

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	guardName   = "guard.json"
	ballastName = "guard.ballast"
	guardFormat = 1
	maxLosses   = 1000
	// reserve is how many batch numbers are set aside at a time.
	reserve = 1 << 16
	// adoptJump is how far numbers go ahead when nothing tells how many were given out: more than any journal holds.
	adoptJump = 1 << 32
)

// errGuardDamaged is wrapped when the guard file is there but cannot be believed.
var errGuardDamaged = errors.New("guard file is damaged")

// A guard is what the journal knows about itself outside of the engine, whose faults it is there to find.
type guard struct {
	Format int    `json:"format"`
	Epoch  string `json:"epoch"`
	// Clean says that the journal was closed in order: what the guard says of each partition is the last word.
	Clean      bool                         `json:"clean"`
	Partitions map[uint16]*partitionGuard   `json:"partitions"`
	Cursors    map[string]map[uint16]uint64 `json:"cursors"`
	Losses     []Loss                       `json:"losses,omitempty"`
}

// A partitionGuard is what is known of one partition.
type partitionGuard struct {
	// Reserved is the highest batch number that may have been given out. It is written before numbers are used, so no
	// number is ever used twice, whatever the engine forgets.
	Reserved uint64 `json:"reserved"`
	// Generations are the streams that hold the partition, oldest first; the last one is written to.
	Generations []*generation `json:"generations"`
	// Jumps are the places where numbers were left out, for counting.
	Jumps []jump `json:"jumps,omitempty"`
}

// A generation is one stream of a partition. A new one begins when the old one is damaged and must not be written on.
type generation struct {
	Number uint32 `json:"number"`
	Stream string `json:"stream"`
	// Last is the number of the last batch known to be stored, LastSeq the sequence of its message in the stream. They
	// may lag behind the stream, never be ahead of what was synced: a stream that ends earlier has lost something.
	Last    uint64 `json:"last"`
	LastSeq uint64 `json:"last_seq"`
	// Purged and PurgedSeq are the last batch and message that were given up on purpose, noted before it is done.
	Purged    uint64 `json:"purged"`
	PurgedSeq uint64 `json:"purged_seq"`
	// purgedSeq is the last message that the engine was told to remove in this run, and did.
	purgedSeq uint64
}

// A jump says that no batch has a number above Prev and below First.
type jump struct {
	Prev  uint64 `json:"prev"`
	First uint64 `json:"first"`
}

// A Loss is a range of batches that the journal had accepted, or may have, and that the engine no longer has.
type Loss struct {
	Partition uint16 `json:"partition"`
	// From and To are the numbers of the first and last batch that are gone; To is 0 where nothing tells how far it goes.
	From   uint64    `json:"from"`
	To     uint64    `json:"to"`
	Stream string    `json:"stream"`
	Reason string    `json:"reason"`
	Found  time.Time `json:"found"`
}

func newGuard() *guard {
	var id [8]byte
	rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	return &guard{Format: guardFormat, Epoch: hex.EncodeToString(id[:]), Partitions: map[uint16]*partitionGuard{}, Cursors: map[string]map[uint16]uint64{}}
}

// epochBytes returns the epoch as it stands in messages.
func (g *guard) epochBytes() (id [8]byte) {
	b, _ := hex.DecodeString(g.Epoch) // checked when read
	copy(id[:], b)
	return id
}

// addLoss notes a loss; false when it is known already.
func (g *guard) addLoss(l Loss) bool {
	for _, known := range g.Losses {
		if known.Partition == l.Partition && known.From <= l.From && (known.To >= l.To && l.To != 0 || known.To == l.To) {
			return false
		}
	}
	g.Losses = append(g.Losses, l)
	if len(g.Losses) > maxLosses {
		g.Losses = slices.Delete(g.Losses, 0, len(g.Losses)-maxLosses)
	}
	return true
}

// encode writes the guard as JSON and a line with its checksum.
func (g *guard) encode() ([]byte, error) {
	text, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	return fmt.Appendf(text, "crc32c %08x\n", crc32.Checksum(text, castagnoli)), nil
}

func decodeGuard(text []byte) (*guard, error) {
	at := bytes.LastIndex(text, []byte("\ncrc32c ")) + 1
	if at == 0 {
		return nil, fmt.Errorf("no checksum: %w", errGuardDamaged)
	}
	if want := fmt.Sprintf("crc32c %08x\n", crc32.Checksum(text[:at], castagnoli)); string(text[at:]) != want {
		return nil, fmt.Errorf("checksum does not match: %w", errGuardDamaged)
	}
	g := newGuard()
	if err := json.Unmarshal(text[:at], g); err != nil {
		return nil, fmt.Errorf("%w: %w", errGuardDamaged, err)
	}
	if g.Format > guardFormat {
		return nil, fmt.Errorf("guard file has format %d, this version reads up to %d: use a newer version", g.Format, guardFormat)
	}
	if id, err := hex.DecodeString(g.Epoch); err != nil || len(id) != 8 {
		return nil, fmt.Errorf("epoch is %q: %w", g.Epoch, errGuardDamaged)
	}
	for p, pg := range g.Partitions {
		if pg == nil || len(pg.Generations) == 0 || slices.Contains(pg.Generations, nil) {
			return nil, fmt.Errorf("partition %d is empty: %w", p, errGuardDamaged)
		}
	}
	return g, nil
}

// readGuard returns the guard of a directory: nil when there is none, errGuardDamaged when it cannot be believed.
func readGuard(dir string) (*guard, error) {
	text, err := os.ReadFile(filepath.Join(dir, guardName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	g, err := decodeGuard(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, guardName), err)
	}
	return g, nil
}

// write replaces the guard file. On a full disk it gives up the ballast for it.
func (g *guard) write(dir string) error {
	text, err := g.encode()
	if err != nil {
		return fmt.Errorf("encode guard: %w", err)
	}
	err = replaceFile(dir, guardName, text)
	if errors.Is(err, syscall.ENOSPC) {
		if gone := os.Remove(filepath.Join(dir, ballastName)); gone == nil {
			err = replaceFile(dir, guardName, text)
		}
	}
	if err != nil {
		return fmt.Errorf("write guard: %w", err)
	}
	return nil
}

// keepBallast makes the file whose room the guard takes on a full disk. Having none is no fault: it is tried again.
func keepBallast(dir string) {
	path := filepath.Join(dir, ballastName)
	if _, err := os.Stat(path); err == nil {
		return
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte{0xff}, 256<<10), 0o600); err != nil {
		os.Remove(path)
	}
}

// replaceFile puts a file in place such that after a crash either the old or the new one is there, whole.
func replaceFile(dir, name string, text []byte) (err error) {
	f, err := os.CreateTemp(dir, name+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncFile(dir)
}

// syncFile makes a file, or the entries of a directory, safe.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
