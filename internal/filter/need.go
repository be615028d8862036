package filter

import (
	"net/netip"

	"tocsin/internal/event"
)

// A Need is a condition that every event must meet to be selected: whoever can show for a set of events that none meets
// it may skip them all. It concerns one field or one label and takes exactly one of four forms, told by which of Values,
// Range, Contains and Prefixes is set. An event without the field never meets it.
type Need struct {
	// Field may be a view (event.Field.Any is not empty): then the condition must hold for at least one of its fields.
	Field event.FieldID
	Label string // name of a label; Field is 0 then

	// Values: the field equals one of these. Strings as they are; addresses as 16 bytes; numbers, times and booleans as
	// the 8 bytes of their int64 bits, little endian. Sorted, without repetition.
	Values [][]byte

	// Range: the field lies between Low and High, both included. Only for int, uint and time fields. math.MinInt64 stands
	// for no lower limit and math.MaxInt64 for no upper limit, which matters to uint fields, whose values go further.
	Range     bool
	Low, High int64

	// Contains: the field contains one of these texts, exactly as written.
	Contains [][]byte

	// Prefixes: the address lies in one of these. IPv4 ones are in IPv4 form; an IPv6 prefix matches no IPv4 address.
	Prefixes []netip.Prefix
}
