package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"tocsin/internal/fault"
)

// A cursorFile holds how far somebody is. A nil one holds nothing.
type cursorFile struct {
	path  string
	known bool // it held a number
	at    int64
	saved int64 // what stands in it; -1: nothing
	when  time.Time
}

// cursorState is what stands in the file.
type cursorState struct {
	SinceChange int64 `json:"since_change"`
}

// openCursor reads a file, which need not be there yet.
func openCursor(path string) (*cursorFile, error) {
	c := &cursorFile{path: path, saved: -1}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	text, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return nil, err
	}
	var state cursorState
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&state); err != nil || state.SinceChange < 0 || len(bytes.TrimSpace(text[in.InputOffset():])) > 0 {
		return nil, fault.New(fault.Invalid, "%s holds no state of alerts follow, want {\"since_change\":N} (move it away)", path)
	}
	c.known, c.at, c.saved = true, state.SinceChange, state.SinceChange
	return c, nil
}

// move notes how far it is, and writes it down unless that was done less than rest ago.
func (c *cursorFile) move(to int64, rest time.Duration) error {
	if c == nil || c.known && to <= c.at {
		return nil
	}
	c.known, c.at = true, to
	if rest > 0 && time.Since(c.when) < rest {
		return nil
	}
	return c.save()
}

// save writes down how far it is, unless that stands there.
func (c *cursorFile) save() error {
	if c == nil || !c.known || c.at == c.saved {
		return nil
	}
	err := replaceFile(c.path, func(out io.Writer) error { return writeJSON(out, cursorState{c.at}) })
	if err == nil {
		c.saved, c.when = c.at, time.Now()
	}
	return err
}
