package fingerprint

import "strconv"

// A File is what is known of one file when it is looked for.
type File struct {
	Device, Inode uint64
	Head          []byte // the beginning of its content, unpacked, Head bytes or all there are
	// Ends are where records end in the head of content that has no lines, such as a capture of packets; nil: where lines do.
	Ends []int
	// Whole says that the file is not being written any more, so that a head without a line end has a name too.
	Whole bool
	// Anew says that the file was seen to begin anew: what is known by its device and inode is of its past.
	Anew bool
	// Look tells how many bytes of content there are, and whether a line or record ends just before an offset. It is asked only when
	// there is something to check, since it may have to unpack the file.
	Look func(offset int64) (size int64, lineEnd bool, err error)
	// Broken tells, after Look, whether the content breaks off in the middle of a record. One that does, and has all of the head of a
	// longer one that is known, is a copy of that which was cut short; nil: nothing is taken for that.
	Broken func() bool
}

// strong is the length of head from which on a file elsewhere is taken for the same one although it holds more than was
// read of that.
const strong = 32

// Find says by which name a file goes, and from which offset on it is to be read. Resume tells what is known of a name, as
// Index.Resume does. The name is empty when the file has no complete line yet.
//
// A file that is known by its device and inode goes on under its old name, unless it is shorter than what was read of it:
// then it began anew, and so does its name. A file that is not known, but has the content of one that is (a copy, or a
// rotated file that was compressed), is read from where that was left.
func (f File) Find(resume func(id string) (int64, bool)) (id string, from int64, err error) {
	lengths := f.lengths()
	if len(lengths) == 0 && f.Whole && len(f.Head) > 0 {
		lengths = append(lengths, min(len(f.Head), Head))
	}
	if len(lengths) == 0 {
		return "", 0, nil
	}
	for i := len(lengths) - 1; i >= 0; i-- {
		p := Of(f.Device, f.Inode, f.Head, lengths[i])
		to, known := resume(p.String())
		if !known {
			continue
		}
		for {
			next := p
			next.Generation++
			at, more := resume(next.String())
			if !more {
				break
			}
			p, to = next, at
		}
		size, _, err := f.Look(to)
		if err != nil {
			return "", 0, err
		}
		if size < to || f.Anew {
			p.Generation++
			return p.String(), 0, nil
		}
		if f.Whole { // as the packed copy of a file under the inode that the file once had
			from, err = f.copied(lengths, resume)
		}
		return p.String(), max(from, to), err
	}
	own := Of(f.Device, f.Inode, f.Head, lengths[len(lengths)-1])
	from, err = f.copied(lengths, resume)
	return own.String(), from, err
}

// lengths returns those under which the file may be known.
func (f File) lengths() []int {
	if f.Ends == nil {
		return Lengths(f.Head)
	}
	return sparse(f.Head[:min(len(f.Head), Head)], f.Ends)
}

// copied returns how far any file with this content was read, 0 when none was.
func (f File) copied(lengths []int, resume func(string) (int64, bool)) (from int64, err error) {
	for _, length := range lengths {
		at, err := f.elsewhere(length, resume)
		if err != nil {
			return 0, err
		}
		from = max(from, at)
	}
	return from, nil
}

// elsewhere returns how far a file of the same content was read, 0 when there is none. The same size is proof enough
// beside the same head; a larger file must have a line end at that place, a smaller one must break off.
func (f File) elsewhere(length int, resume func(string) (int64, bool)) (from int64, err error) {
	p := Of(0, 0, f.Head, length)
	most, known := resume(p.String())
	if !known {
		return 0, nil
	}
	size, _, err := f.Look(0)
	if err != nil {
		return 0, err
	}
	if most > size && length == Head && f.Broken != nil && f.Broken() {
		return size, nil
	}
	to, known := resume(p.String() + "@" + strconv.FormatInt(size, 10))
	if !known || to == size {
		return to, nil
	}
	if length < strong {
		return 0, nil
	}
	_, lineEnd, err := f.Look(to)
	if err != nil || !lineEnd {
		return 0, err
	}
	return to, nil
}
