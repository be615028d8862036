package cloudtrail

import "bytes"

// A shape remembers the members that records had and in what order they came. One service writes its records alike, so that
// most names need not be read: it is enough that they are the ones expected.
type shape struct {
	root  *member
	count int
}

// Limits of a shape. Beyond them names are read as they come.
const (
	maxMembers  = 4096 // in all; the shape begins anew with the record that follows
	maxSiblings = 128  // in one object
	maxName     = 64   // bytes
)

// A member is one name in one object.
type member struct {
	text    []byte // as it stands in compact JSON, with quotes and colon
	members []*member
	first   *member // the first of members, in the record before
	next    *member // the one that followed in the same object
	label   uint32  // hint of event.Builder.LabelAgain
}

func (m *member) key() []byte { return m.text[1 : len(m.text)-2] }

// begin returns the outermost object.
func (k *shape) begin() *member {
	if k.root == nil || k.count > maxMembers {
		k.root, k.count = &member{}, 0
	}
	return k.root
}

// expected returns the member of object m that followed before, or came first, when it is the one that stands at the
// scanner; else nil.
func (m *member) expected(before *member, s *scanner) *member {
	if m == nil {
		return nil
	}
	e := m.first
	if before != nil {
		e = before.next
	}
	if e == nil || !bytes.HasPrefix(s.text[s.at:], e.text) {
		return nil
	}
	return e
}

// find returns the member of an object by name, and notes that it follows before; nil when the object is not known or full.
func (k *shape) find(object, before *member, name []byte) *member {
	if object == nil || len(name) > maxName {
		return nil
	}
	var found *member
	for _, m := range object.members {
		if string(m.key()) == string(name) {
			found = m
			break
		}
	}
	if found == nil {
		if len(object.members) >= maxSiblings {
			return nil
		}
		text := append(append([]byte{'"'}, name...), '"', ':')
		found = &member{text: text}
		object.members = append(object.members, found)
		k.count++
	}
	if before != nil {
		before.next = found
	} else {
		object.first = found
	}
	return found
}
