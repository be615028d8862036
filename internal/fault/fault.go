// Package fault names the few ways in which a request can fail that the edges of tocsin tell apart: each becomes one HTTP
// status and one exit code there. Everything else is a fault of tocsin's own.
package fault

import (
	"errors"
	"fmt"
)

// The kinds of failure. Errors wrap one of them with %w or come from the functions below.
var (
	Invalid     = errors.New("invalid")     // the request is wrong; asking again will not help
	NotFound    = errors.New("not found")   // what it names does not exist
	Conflict    = errors.New("conflict")    // it cannot be done in the present state
	Denied      = errors.New("denied")      // this user may not
	Unavailable = errors.New("unavailable") // not now; asking again later may help
	Full        = errors.New("full")        // no room; asking again after room was made will help
)

// kinded is an error whose text stands alone, with a kind that errors.Is finds.
type kinded struct {
	kind error
	err  error
}

func (k *kinded) Error() string   { return k.err.Error() }
func (k *kinded) Unwrap() []error { return []error{k.kind, k.err} }

// New returns an error of a kind with a text of its own, formatted as by fmt.Errorf.
func New(kind error, format string, args ...any) error {
	return &kinded{kind: kind, err: fmt.Errorf(format, args...)}
}

// Kind returns the kind of err, nil when it has none.
func Kind(err error) error {
	for _, kind := range []error{Invalid, NotFound, Conflict, Denied, Unavailable, Full} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}
