package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// draftSuffix is what the name of a file that is not whole yet ends in.
const draftSuffix = ".new"

// A Draft is a file that is written to take the place of another one, which stays as it is until then.
type Draft struct {
	f    *os.File
	path string
	size int64
}

// NewDraft begins a draft of a file. One that was left behind goes.
func NewDraft(path string) (*Draft, error) {
	f, err := os.OpenFile(path+draftSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &Draft{f: f, path: path}, nil
}

// Write adds to the draft.
func (d *Draft) Write(p []byte) (int, error) {
	n, err := d.f.Write(p)
	d.size += int64(n)
	return n, err
}

// Size returns how many bytes were written.
func (d *Draft) Size() int64 { return d.size }

// Sync returns when what was written is on the disk.
func (d *Draft) Sync() error { return d.f.Sync() }

// Publish puts a draft that was synced in the place of the file. When it fails, that stays as it was and the draft goes.
func (d *Draft) Publish() error {
	err := d.f.Close()
	if err == nil {
		err = os.Rename(d.f.Name(), d.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(d.f.Name()))
	}
	dir, err := os.Open(filepath.Dir(d.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Drop removes the draft.
func (d *Draft) Drop() error { return errors.Join(d.f.Close(), os.Remove(d.f.Name())) }

// DropDrafts removes what was left of drafts of a file when tocsin was killed.
func DropDrafts(path string) error {
	dir, name := filepath.Split(path)
	there, err := os.ReadDir(filepath.Clean(dir))
	for _, entry := range there {
		if strings.HasPrefix(entry.Name(), name+draftSuffix) {
			err = errors.Join(err, os.Remove(dir+entry.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("remove what was left of %s: %w", path, err)
	}
	return nil
}

// WriteFile makes data the content of a file, whole and synced, or leaves the file as it was.
func WriteFile(path string, data []byte) error {
	d, err := NewDraft(path)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if _, err = d.Write(data); err == nil {
		err = d.Sync()
	}
	if err != nil {
		err = errors.Join(err, d.Drop())
	} else {
		err = d.Publish()
	}
	if err != nil {
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
