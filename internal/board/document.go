package board

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Encode writes pages as they are stored.
func Encode(pages []api.BoardPage) (string, error) {
	text, err := json.Marshal(pages)
	return string(text), err
}

// Decode reads what Encode wrote. Its form is looked at, and not whether all of it is right still: a filter that was, and is none
// any more, is told by its widget, which can be changed or removed then.
func Decode(text string) (pages []api.BoardPage, err error) {
	if err := strictly([]byte(text), &pages); err != nil {
		return nil, fmt.Errorf("decode board: %w", err)
	}
	if len(pages) == 0 {
		return nil, errors.New("decode board: it has no page")
	}
	return pages, nil
}

// A Document is a board as a file has it: what `tocsin board -o json` writes, or its pages alone.
type Document struct {
	api.Board

	Version *int64 `json:"version"` // none: whatever is there is replaced
}

// Read reads a document; name is what people know it by. Errors are fault.Invalid.
func Read(name string, text []byte) (d Document, err error) {
	if err := strictly(text, &d); err != nil {
		return d, fault.New(fault.Invalid, "%s: %w", name+line(text, err), err)
	}
	return d, nil
}

// line is the line on which something is wrong, as in ":3"; "" where that is not told.
func line(text []byte, err error) string {
	offset := int64(-1)
	if foul, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = foul.Offset
	} else if other, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = other.Offset
	}
	if offset < 0 || offset > int64(len(text)) {
		return ""
	}
	return ":" + strconv.Itoa(1+bytes.Count(text[:offset], []byte("\n")))
}

func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind its end")
	}
	return nil
}
