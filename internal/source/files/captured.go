package files

import (
	"bytes"
	"errors"
	"io"
	"os"

	"tocsin/internal/flow/capture"
	"tocsin/internal/lines"
)

// packetEnds returns where packets end in the head of a capture of packets; nil for content of lines.
func packetEnds(head []byte) []int {
	if capture.Recognise(head) == capture.None {
		return nil
	}
	ends := []int{}
	packets, err := capture.NewReader(bytes.NewReader(head))
	for err == nil {
		var p capture.Packet
		if p, err = packets.Next(); err == nil {
			ends = append(ends, int(p.To))
		}
	}
	return ends
}

// lookCaptured answers Find's questions about a capture, by reading it; size keeps the size of its content. What can be unpacked of
// a damaged file is taken for all that it holds.
func lookCaptured(file *os.File, size *int64) func(int64) (int64, bool, error) {
	return func(offset int64) (int64, bool, error) {
		content, err := lines.Open(io.NewSectionReader(file, 0, 1<<62))
		if err != nil {
			return 0, false, err
		}
		defer content.Close()
		ends := false
		packets, err := capture.NewReader(content)
		for err == nil && !ends {
			var p capture.Packet
			if p, err = packets.Next(); err == nil {
				ends = p.To == offset
			}
		}
		if err == nil {
			_, err = io.Copy(io.Discard, content)
		}
		*size = content.Offset()
		if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, new(*lines.Damaged)) {
			return 0, false, err
		}
		return *size, ends, nil
	}
}
