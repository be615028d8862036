package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
)

// The file of what was acknowledged: two slots a partition, written in turn and in place after each acknowledgement
// without waiting for the disk, and synced with the guard file. It outlives the process; after a power loss it lags by a
// few seconds at most. It is never ahead of the journal, because a slot is written when its message is synced already.
//
//	slot: magic "tca1", CRC-32C of what follows uint32, epoch 8 bytes, generation uint32, partition uint16, 2 bytes empty,
//	      number of the last batch uint64, sequence of its message uint64
const (
	ackedName  = "acked"
	ackedMagic = "tca1"
	slotBytes  = 64
	slotUsed   = 40
)

// An acked is one slot.
type acked struct {
	epoch      [8]byte
	generation uint32
	partition  uint16
	last, seq  uint64
}

func (a *acked) encode() (slot [slotBytes]byte) {
	copy(slot[:], ackedMagic)
	copy(slot[8:], a.epoch[:])
	binary.LittleEndian.PutUint32(slot[16:], a.generation)
	binary.LittleEndian.PutUint16(slot[20:], a.partition)
	binary.LittleEndian.PutUint64(slot[24:], a.last)
	binary.LittleEndian.PutUint64(slot[32:], a.seq)
	binary.LittleEndian.PutUint32(slot[4:], crc32.Checksum(slot[8:slotUsed], castagnoli))
	return slot
}

func decodeAcked(slot []byte) (a acked, ok bool) {
	if len(slot) < slotUsed || string(slot[:4]) != ackedMagic ||
		binary.LittleEndian.Uint32(slot[4:]) != crc32.Checksum(slot[8:slotUsed], castagnoli) {
		return a, false
	}
	copy(a.epoch[:], slot[8:])
	a.generation = binary.LittleEndian.Uint32(slot[16:])
	a.partition = binary.LittleEndian.Uint16(slot[20:])
	a.last = binary.LittleEndian.Uint64(slot[24:])
	a.seq = binary.LittleEndian.Uint64(slot[32:])
	return a, true
}

// An ackedFile is the open file; each lane writes slots of its own.
type ackedFile struct{ f *os.File }

// openAcked opens the file of a directory, made as large as it ever gets, so that writing needs no room on the disk.
func openAcked(dir string) (*ackedFile, error) {
	f, err := os.OpenFile(filepath.Join(dir, ackedName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	const size = 2 * classes * slotBytes
	info, err := f.Stat()
	if err == nil && info.Size() < size {
		if _, err = f.WriteAt(make([]byte, size-info.Size()), info.Size()); err == nil {
			err = errors.Join(f.Sync(), syncFile(dir))
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &ackedFile{f: f}, nil
}

// read returns the newest slot of a class for one generation; false when there is none.
func (a *ackedFile) read(c Class, epoch [8]byte, generation uint32, partition uint16) (newest acked, ok bool) {
	for i := range int64(2) {
		var slot [slotBytes]byte
		if _, err := a.f.ReadAt(slot[:], (2*int64(c)+i)*slotBytes); err != nil {
			continue
		}
		s, valid := decodeAcked(slot[:])
		if valid && s.epoch == epoch && s.generation == generation && s.partition == partition && s.last >= newest.last {
			newest, ok = s, true
		}
	}
	return newest, ok
}

// write notes an acknowledgement; turn picks the slot and alternates.
func (a *ackedFile) write(c Class, turn uint64, s *acked) error {
	slot := s.encode()
	_, err := a.f.WriteAt(slot[:], (2*int64(c)+int64(turn&1))*slotBytes)
	return err
}

// sync makes what was written safe from power loss.
func (a *ackedFile) sync() error { return a.f.Sync() }

func (a *ackedFile) close() error { return errors.Join(a.f.Sync(), a.f.Close()) }
