package window

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

// maxPart bounds what one by field adds to a key, in bytes. A longer text is cut, with a checksum of the whole behind it,
// so that different texts stay different entities.
const maxPart = 256

// Keys turns rows into entities by the values of some fields.
type Keys struct {
	parts []part
}

type part struct {
	name  string
	field *event.Field // nil for a label
	label string
}

// NewKeys takes the names of fields, or of labels as labels.NAME. No names make all rows one entity. The error lists
// every name that will not do.
func NewKeys(by []string) (*Keys, error) {
	k := &Keys{}
	var errs []error
	for i, name := range by {
		p := part{name: name}
		if slices.Contains(by[:i], name) {
			errs = append(errs, fmt.Errorf("by[%d]: %s is there twice", i, name))
			continue
		}
		if label, ok := strings.CutPrefix(name, "labels."); ok && label != "" {
			p.label = label
		} else if f, ok := event.FieldByName(name); !ok {
			errs = append(errs, fmt.Errorf("by[%d]: no field %q%s", i, name, event.Suggestion(name)))
			continue
		} else if len(f.Any) > 0 && !f.View {
			errs = append(errs, fmt.Errorf("by[%d]: %s stands for several fields; name one of them", i, name))
			continue
		} else {
			p.field, p.name = f, f.Name
		}
		k.parts = append(k.parts, p)
	}
	return k, errors.Join(errs...)
}

// Reads names the fields that keys of these names look at, and a field that is measured, and says whether labels are looked
// at. The field may be nil and the label empty. Names that mean nothing are left out.
func Reads(by []string, field *event.Field, label string) (fields []event.FieldID, labels bool) {
	labels = label != ""
	if field != nil {
		fields = append(fields, field.ID)
	}
	k, err := NewKeys(by)
	if err != nil {
		return fields, labels
	}
	for i := range k.parts {
		if f := k.parts[i].field; f != nil {
			fields = append(fields, f.ID)
		} else {
			labels = true
		}
	}
	return fields, labels
}

// Len returns the number of fields in a key.
func (k *Keys) Len() int { return len(k.parts) }

// columns fetches the columns of a batch into dst; false when a column is missing, so that no row has a key.
func (k *Keys) columns(b *event.Batch, dst []*event.Column) ([]*event.Column, bool) {
	for i := range k.parts {
		var c *event.Column
		if p := &k.parts[i]; p.field != nil {
			c = b.Column(p.field.ID)
		} else {
			c = b.LabelColumn(p.label)
		}
		if c == nil {
			return dst, false
		}
		dst = append(dst, c)
	}
	return dst, true
}

// appendKey writes the key of a row behind dst; false when the row lacks a field.
func appendKey(dst []byte, columns []*event.Column, row int) ([]byte, bool) {
	for _, c := range columns {
		v, ok := c.Value(row)
		if !ok {
			return dst, false
		}
		dst = appendPart(dst, c, v)
	}
	return dst, true
}

func appendPart(dst []byte, c *event.Column, v int) []byte {
	switch c.Field.Type {
	case event.IP:
		ip := c.IP(v)
		if a := netip.AddrFrom16(ip); a.Is4In6() {
			dst = append(dst, 4)
			return append(dst, ip[12:]...)
		}
		dst = append(dst, 16)
		return append(dst, ip[:]...)
	case event.String:
		return appendText(dst, c.Str(v))
	default:
		return binary.BigEndian.AppendUint64(dst, uint64(c.Nums[v]))
	}
}

func appendText(dst, s []byte) []byte {
	if len(s) > maxPart {
		sum := sha256.Sum256(s)
		s = append(slices.Clone(s[:maxPart-16]), sum[:16]...)
		dst = binary.AppendUvarint(dst, uint64(len(s))<<1|1)
	} else {
		dst = binary.AppendUvarint(dst, uint64(len(s))<<1)
	}
	return append(dst, s...)
}

// Parse returns the key of an entity that is given as text, one value a field, such as one of a list in the
// configuration.
func (k *Keys) Parse(values ...string) (string, error) {
	if len(values) != len(k.parts) {
		return "", fmt.Errorf("got %d values, want %d", len(values), len(k.parts))
	}
	var key []byte
	for i, text := range values {
		p := &k.parts[i]
		typ := event.String
		if p.field != nil {
			typ = p.field.Type
		}
		var err error
		if key, err = parsePart(key, typ, text); err != nil {
			return "", fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return string(key), nil
}

func parsePart(key []byte, typ event.Type, text string) ([]byte, error) {
	switch typ {
	case event.IP:
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return nil, fmt.Errorf("got %q, want an address", text)
		}
		if a = a.Unmap(); a.Is4() {
			ip := a.As4()
			return append(append(key, 4), ip[:]...), nil
		}
		ip := a.As16()
		return append(append(key, 16), ip[:]...), nil
	case event.String:
		return appendText(key, []byte(text)), nil
	case event.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("got %q, want a whole number", text)
		}
		return binary.BigEndian.AppendUint64(key, uint64(n)), nil
	case event.Uint:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("got %q, want a whole number, 0 or more", text)
		}
		return binary.BigEndian.AppendUint64(key, n), nil
	case event.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("got %q, want true or false", text)
		}
		n := uint64(0)
		if b {
			n = 1
		}
		return binary.BigEndian.AppendUint64(key, n), nil
	default:
		return nil, fmt.Errorf("a %s cannot be listed", typ)
	}
}

// Entity reads a key back into fields and values for people. A key that is none gives what could be read.
func (k *Keys) Entity(key string) alert.Entity {
	e := make(alert.Entity, 0, len(k.parts))
	rest := []byte(key)
	for i := range k.parts {
		p := &k.parts[i]
		value, n := k.value(p, rest)
		if n == 0 {
			break
		}
		rest = rest[n:]
		e = append(e, alert.Pair{Field: p.name, Value: value})
	}
	return e
}

// value reads one part and says how many bytes it took, 0 when it is broken.
func (k *Keys) value(p *part, key []byte) (string, int) {
	typ := event.String
	if p.field != nil {
		typ = p.field.Type
	}
	switch typ {
	case event.IP:
		if len(key) == 0 || key[0] != 4 && key[0] != 16 || len(key) < 1+int(key[0]) {
			return "", 0
		}
		a, _ := netip.AddrFromSlice(key[1 : 1+key[0]])
		return a.String(), 1 + int(key[0])
	case event.String:
		n, size := binary.Uvarint(key)
		long := n&1 != 0
		n >>= 1
		if size <= 0 || n > uint64(len(key)-size) {
			return "", 0
		}
		text := string(key[size : size+int(n)])
		if long && n >= 16 {
			text = strings.ToValidUTF8(text[:n-16], "") + "…" + event.Fingerprint([]byte(text[n-16:]))
		}
		return strings.ToValidUTF8(text, "\ufffd"), size + int(n)
	default:
		if len(key) < 8 {
			return "", 0
		}
		return number(typ, binary.BigEndian.Uint64(key)), 8
	}
}

func number(typ event.Type, n uint64) string {
	switch typ {
	case event.Uint:
		return strconv.FormatUint(n, 10)
	case event.Bool:
		return strconv.FormatBool(n != 0)
	case event.Time:
		return time.Unix(0, int64(n)).UTC().Format(time.RFC3339Nano)
	case event.Float:
		c := event.Column{Field: &event.Field{Type: event.Float}, Nums: []int64{int64(n)}}
		return string(c.AppendValueText(nil, 0))
	default:
		return strconv.FormatInt(int64(n), 10)
	}
}
