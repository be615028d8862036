// Package fingerprint names files by what they hold, so that one is known again after it has grown, was renamed, copied or
// compressed, and after a restart.
//
// A name is made of device, inode, and a hash of the head of the content: the lines that stood complete in the first
// kilobyte when the file was first seen. Its length is part of the name, so the name stays valid while the file grows.
package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"tocsin/internal/event"
)

// Head is how many bytes of the content count at most.
const Head = 1 << 10

// A Print is the name of a file.
type Print struct {
	Device, Inode uint64 // both 0: any file of this content
	Length        int    // how much of the head was hashed, 1 to Head
	Sum           string // hash of it, 22 letters
	// Generation counts how often the file began anew with the same head under the same device and inode.
	Generation int
}

// String writes the print as file:DEVICE:INODE:LENGTH:SUM, with :GENERATION behind it from 1 on. Device and inode are
// hexadecimal, and empty in a print that stands for any file of its content.
func (p Print) String() string {
	var b strings.Builder
	b.WriteString("file:")
	if p.Device|p.Inode != 0 {
		b.WriteString(strconv.FormatUint(p.Device, 16))
		b.WriteByte(':')
		b.WriteString(strconv.FormatUint(p.Inode, 16))
	} else {
		b.WriteByte(':')
	}
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(p.Length))
	b.WriteByte(':')
	b.WriteString(p.Sum)
	if p.Generation > 0 {
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(p.Generation))
	}
	return b.String()
}

// Parse is the inverse of String.
func Parse(text string) (p Print, err error) {
	bad := fmt.Errorf("file identity %q: want file:DEVICE:INODE:LENGTH:SUM", text)
	parts := strings.Split(text, ":")
	if len(parts) < 5 || len(parts) > 6 || parts[0] != "file" || len(parts[4]) == 0 {
		return p, bad
	}
	if parts[1] != "" || parts[2] != "" {
		if p.Device, err = strconv.ParseUint(parts[1], 16, 64); err != nil {
			return p, bad
		}
		if p.Inode, err = strconv.ParseUint(parts[2], 16, 64); err != nil {
			return p, bad
		}
	}
	if p.Length, err = strconv.Atoi(parts[3]); err != nil || p.Length < 1 || p.Length > Head {
		return p, bad
	}
	p.Sum = parts[4]
	if len(parts) == 6 {
		if p.Generation, err = strconv.Atoi(parts[5]); err != nil || p.Generation < 1 {
			return p, bad
		}
	}
	return p, nil
}

// content is the print of any file with the same head.
func (p Print) content() Print { return Print{Length: p.Length, Sum: p.Sum} }

// Of returns the print of the first length bytes of head.
func Of(device, inode uint64, head []byte, length int) Print {
	sum := sha256.Sum256(head[:length])
	return Print{Device: device, Inode: inode, Length: length, Sum: event.Fingerprint(sum[:16])}
}

// Lengths returns the lengths under which a file with this head may be known, shortest first: the ends of its lines number
// 1 to 16, 32, 64 and so on, and all of the head when it is full. Those of a file are among those of the file when it has
// grown. None means that there is no whole line yet, and so nothing to know the file by.
func Lengths(head []byte) []int {
	head = head[:min(len(head), Head)]
	var ends []int
	for at := 0; ; {
		i := bytes.IndexByte(head[at:], '\n')
		if i < 0 {
			return sparse(head, ends)
		}
		at += i + 1
		ends = append(ends, at)
	}
}

// sparse picks lengths from the ends of lines or records.
func sparse(head []byte, ends []int) (all []int) {
	for i, at := range ends {
		if n := i + 1; n <= 16 || n&(n-1) == 0 {
			all = append(all, at)
		}
	}
	if len(head) == Head && (len(all) == 0 || all[len(all)-1] != Head) {
		all = append(all, Head)
	}
	return all
}
