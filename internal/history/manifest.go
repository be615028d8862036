package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// An entry is what the manifest says of one live segment.
type entry struct {
	ID       uint64     `json:"id"` // grows with time; a segment with a lower one was written earlier
	File     string     `json:"file"`
	Kind     event.Kind `json:"kind"`
	Rows     int64      `json:"rows"`
	Bytes    int64      `json:"bytes"`
	Sum      uint32     `json:"sum"`      // CRC-32C of the whole file
	Tail     int64      `json:"tail"`     // where the indexes and the footer begin
	TailSum  uint32     `json:"tail_sum"` // CRC-32C from there on
	First    int64      `json:"first"`    // earliest time, nanoseconds since 1970 UTC
	Last     int64      `json:"last"`     // latest time
	Ingested int64      `json:"ingested"` // latest time of receipt; 0 when none is known
	SeqLow   uint64     `json:"seq_low"`  // range of journal sequences
	SeqHigh  uint64     `json:"seq_high"`
	// Fields are those that some row has a value of.
	Fields []fieldSummary `json:"fields"`
	Labels bool           `json:"labels,omitempty"`
	// Lanes is how many row groups overlap in time, at most; 0 is one.
	Lanes int `json:"lanes,omitempty"`
}

// A fieldSummary is what can be said of a field without opening the segment.
type fieldSummary struct {
	ID  event.FieldID `json:"id"`
	Min *int64        `json:"min,omitempty"` // int and time fields only
	Max *int64        `json:"max,omitempty"`
}

// field returns the summary of a field; false when no row has a value of it.
func (e *entry) field(id event.FieldID) (fieldSummary, bool) {
	for _, f := range e.Fields {
		if f.ID == id {
			return f, true
		}
	}
	return fieldSummary{}, false
}

// A sourceEntry says how far an outside source was read.
type sourceEntry struct {
	ID   string `json:"id"`
	To   int64  `json:"to"`
	Seen int64  `json:"seen"` // when a batch of it was last received, in nanoseconds
}

// A Quarantined is a segment that was set aside because it is damaged. Its rows are not found any more.
type Quarantined struct {
	File    string     `json:"file"` // where it lies now, below the data directory; empty when it was gone
	Kind    event.Kind `json:"kind"`
	Rows    int64      `json:"rows"`
	First   int64      `json:"first"` // range of times, nanoseconds since 1970 UTC
	Last    int64      `json:"last"`
	SeqLow  uint64     `json:"seq_low"` // range of journal sequences that had rows in it
	SeqHigh uint64     `json:"seq_high"`
	Reason  string     `json:"reason"`
}

// A manifest says which segments live and up to where the journal has been applied. It is never changed; a new one
// replaces it.
type manifest struct {
	Format      int                          `json:"format"`
	Generation  uint64                       `json:"generation"`
	NextID      uint64                       `json:"next_id"`
	Applied     map[string]map[uint16]uint64 `json:"applied"` // by epoch
	Epoch       string                       `json:"epoch"`   // the one in use
	Sources     []sourceEntry                `json:"sources,omitempty"`
	Segments    []entry                      `json:"segments"`
	Quarantined []Quarantined                `json:"quarantined,omitempty"`

	// Rollups are those of flows. Unrolled are the hours with flows that have none, in their order. Hours before RolledFrom may
	// have flows without being in either list; 0: all may.
	Rollups    []rollEntry `json:"rollups,omitempty"`
	Unrolled   []int64     `json:"unrolled,omitempty"`
	RolledFrom int64       `json:"rolled_from,omitempty"`
}

// The manifest stands in two files of the same content. Each is replaced atomically, one after the other, and nothing is
// unlinked before both are durable: so whichever is damaged, the other names files that exist.
const (
	manifestFile = "manifest"
	manifestCopy = "manifest.copy"
)

const manifestHead = "tocsin-history-manifest crc32c=%08x bytes=%d\n"

func (m *manifest) encode() ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(fmt.Appendf(nil, manifestHead, crc32.Checksum(body, castagnoli()), len(body)), body...), nil
}

func decodeManifest(data []byte) (*manifest, error) {
	head, body, _ := bytes.Cut(data, []byte("\n"))
	var sum uint32
	var size int
	if _, err := fmt.Sscanf(string(head)+"\n", manifestHead, &sum, &size); err != nil {
		return nil, damaged("no manifest")
	}
	if len(body) != size || crc32.Checksum(body, castagnoli()) != sum {
		return nil, damaged("checksum of the manifest")
	}
	m := &manifest{}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, damaged("decode manifest: %v", err)
	}
	if m.Format > formatVersion {
		return nil, fault.New(fault.Conflict, "the history has format %d, this tocsin reads up to %d: use the version that wrote it", m.Format, formatVersion)
	}
	for _, e := range m.Segments {
		if e.File != filepath.Base(e.File) || !strings.HasSuffix(e.File, segmentSuffix) {
			return nil, damaged("segment name %q", e.File)
		}
	}
	for _, e := range m.Rollups {
		if e.File != filepath.Base(e.File) || !strings.HasSuffix(e.File, rollupSuffix) || e.From < 1 || e.Hours != 1 && e.Hours != dayHours || e.From > noHour {
			return nil, damaged("rollup %q of hour %d", e.File, e.From)
		}
	}
	return m, nil
}

const segmentSuffix = ".parquet"

// loadManifest reads the newer of the two manifests that is whole. A problem it could work around is told in warning. behind is what
// the other one says where that is not the same, and empty where it is gone or damaged; nil: both say the same.
func loadManifest(dir string) (m, behind *manifest, warning string, err error) {
	var whole []*manifest
	var faults []error
	missing := 0
	for _, name := range []string{manifestFile, manifestCopy} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			missing++
			continue
		}
		if err != nil {
			return nil, nil, "", fmt.Errorf("read manifest: %w", err)
		}
		one, err := decodeManifest(data)
		if err != nil {
			if errors.Is(err, fault.Conflict) {
				return nil, nil, "", err
			}
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
			continue
		}
		whole = append(whole, one)
	}
	switch {
	case len(whole) == 2 && whole[0].Generation == whole[1].Generation:
		return whole[0], nil, "", nil
	case len(whole) == 2 && whole[0].Generation < whole[1].Generation:
		return whole[1], whole[0], "", nil
	case len(whole) == 2:
		return whole[0], whole[1], "", nil
	case len(whole) == 1:
		if len(faults) > 0 {
			warning = fmt.Sprintf("%v; went on with its copy of generation %d", faults[0], whole[0].Generation)
		}
		return whole[0], &manifest{}, warning, nil
	}
	segments, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		return nil, nil, "", fmt.Errorf("list segments: %w", err)
	}
	if len(faults) > 0 || len(segments) > 0 {
		faults = append(faults, fmt.Errorf("%d of 2 manifests are gone, %d segments are there", missing, len(segments)))
		return nil, nil, "", fault.New(fault.Conflict, "history in %s has no readable manifest (restore it from a backup, or move the directory away to begin anew): %w",
			dir, errors.Join(faults...))
	}
	// From now on a directory with segments and no manifest is one that lost it.
	m = &manifest{Format: formatVersion, Applied: map[string]map[uint16]uint64{}, NextID: 1}
	_, err = m.save(dir, func(string) {})
	return m, nil, "", err
}

// names returns the files that a manifest names; none for nil.
func (m *manifest) names() map[string]bool {
	named := map[string]bool{}
	if m == nil {
		return named
	}
	for i := range m.Segments {
		named[m.Segments[i].File] = true
	}
	for i := range m.Rollups {
		named[m.Rollups[i].File] = true
	}
	return named
}

// save replaces both files of the manifest, synced. committed says that the first one was replaced: the new manifest then
// counts even if err is not nil, but what the old one named must not go away yet.
func (m *manifest) save(dir string, crash func(string)) (committed bool, err error) {
	data, err := m.encode()
	if err != nil {
		return false, err
	}
	if committed, err = replaceFile(dir, manifestFile, data); err != nil {
		return committed, err
	}
	crash("after-manifest-before-copy")
	_, err = replaceFile(dir, manifestCopy, data)
	return true, err
}

// replaceFile writes a file beside, syncs it, renames it over the old one and syncs the directory.
func replaceFile(dir, name string, data []byte) (replaced bool, err error) {
	tmp := filepath.Join(dir, name+".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return false, fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(dir, name))
	}
	if err != nil {
		_ = os.Remove(tmp)
		return false, fmt.Errorf("write %s: %w", name, err)
	}
	return true, syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
