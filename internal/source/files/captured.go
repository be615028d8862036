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

// A looked is what was seen of a capture when it was looked for.
type looked struct {
	size    int64 // of its content; what can be unpacked of a damaged file is taken for all that it holds
	damaged bool  // packets stop to make sense in the middle of it, as far as they were looked at
	broken  bool  // it breaks off within a packet, or cannot be unpacked to its end
}

// look answers Find's questions about a capture, by reading it.
func (l *looked) look(file *os.File) func(int64) (int64, bool, error) {
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
		if packets != nil {
			times, _ := packets.Damaged()
			l.damaged = l.damaged || times > 0
			l.broken = l.broken || packets.Ends()
		}
		l.broken = l.broken || errors.As(err, new(*lines.Damaged))
		l.size = content.Offset()
		if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, new(*lines.Damaged)) {
			return 0, false, err
		}
		return l.size, ends, nil
	}
}
