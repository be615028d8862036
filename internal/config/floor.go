package config

import (
	"tocsin/internal/document"
)

// Floor is an amount of free disk: `auto`, `off` or a size.
type Floor struct {
	Auto  bool
	Bytes document.Size // 0 is off
}

// UnmarshalText reads the word or the size.
func (f *Floor) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*f = Floor{Auto: true}
		return nil
	}
	size, err := document.ParseSize(string(text))
	if err != nil {
		return document.At("", string(text), "auto, off or a size with its unit, as in 2GB")
	}
	*f = Floor{Bytes: size}
	return nil
}

// String is the inverse of UnmarshalText.
func (f Floor) String() string {
	switch {
	case f.Auto:
		return "auto"
	case f.Bytes == 0:
		return off
	}
	return f.Bytes.String()
}

// Limit gives the floor as the journal takes it: 0 for auto, less than 0 for off.
func (f Floor) Limit() int64 {
	switch {
	case f.Auto:
		return 0
	case f.Bytes == 0:
		return -1
	}
	return int64(f.Bytes)
}
