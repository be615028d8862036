package lines

import "bytes"

// Nested reports whether a text that begins with head is for an ArraySplitter: JSON whose records are elements of an array
// or objects that go over several lines. Text of one object a line is not, nor is what only looks like JSON at first. Head
// should hold a few KiB; a text of which it holds less than what decides is taken for lines.
func Nested(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte(byteOrderMark))
	head = bytes.TrimLeft(head, " \t\r\n\x00")
	if len(head) < 2 {
		return false
	}
	next := bytes.TrimLeft(head[1:], " \t\r\n")
	if len(next) == 0 {
		return false
	}
	if head[0] == '[' {
		return next[0] == '{' || next[0] == ']' && len(bytes.TrimSpace(next[1:])) == 0
	}
	if head[0] != '{' || next[0] != '"' {
		return false
	}
	s := ArraySplitter{buf: head, end: len(head), place: inDocument}
	line := bytes.IndexByte(head, '\n')
	if line >= 0 {
		s.end = line
	}
	ended := s.walk()
	switch {
	case s.place == inArray:
		return true
	case ended: // and another behind it in the same line?
		rest := bytes.TrimLeft(head[s.scanned:s.end], " \t\r")
		return len(rest) > 0 && rest[0] == '{'
	}
	// A line that ends within a string is broken; one behind which an object begins anew is, too.
	if line < 0 || s.quoted {
		return false
	}
	before, after := bytes.TrimRight(head[:line], " \t\r"), bytes.TrimLeft(head[line:], " \t\r\n")
	return len(after) > 0 && (after[0] != '{' || bytes.IndexByte([]byte("[:,"), before[len(before)-1]) >= 0 && s.depth > 1)
}
