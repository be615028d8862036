package capture

import "io"

// Sizes of libpcap's form (draft-ietf-opsawg-pcap sections 4 and 5).
const (
	fileHeader   = 24
	recordHeader = 16
)

// classic is what the header of a file of libpcap says.
type classic struct {
	nano bool
	link uint32
}

func (r *Reader) beginClassic() error {
	head := r.peek(fileHeader)
	if r.order = orderOf(head, magicMicro); r.order == nil {
		r.order, r.pcap.nano = orderOf(head, magicNano), true
	}
	if len(head) < fileHeader {
		r.ends = true
		_, err := r.in.Discard(len(head))
		return err
	}
	r.pcap.link = r.order.Uint32(head[20:]) & 0x0fffffff // above are the length of a checksum and flags
	return r.pass(fileHeader)
}

// A record is the header of a packet.
type record struct{ seconds, fraction, captured, length uint32 }

func (r *Reader) recordOf(b []byte) record {
	return record{r.order.Uint32(b), r.order.Uint32(b[4:]), r.order.Uint32(b[8:]), r.order.Uint32(b[12:])}
}

// can reports whether a header can be one. Nothing that is on a wire is of no length.
func (h record) can() bool { return h.captured <= maxPacket && h.length > 0 && h.length <= 16<<20 }

// near reports whether a header that can be one is of a time within a day of another.
func (r *Reader) near(h record, second int64) bool {
	const day = 24 * 3600
	unit := uint32(1e6)
	if r.pcap.nano {
		unit = 1e9
	}
	apart := int64(h.seconds) - second
	return h.can() && h.fraction < unit && apart > -day && apart < day
}

// likely reports whether bytes look like the header of a packet of about the time of the one before.
func (r *Reader) likely(b []byte) (h record, ok bool) {
	h = r.recordOf(b)
	second := int64(h.seconds)
	if r.read {
		second = r.last / 1e9
	}
	return h, h.captured > 0 && h.captured <= h.length && r.near(h, second)
}

// believed reports whether a packet stands where one is to stand. Where its header is odd, it is when the one behind it fits.
func (r *Reader) believed(head []byte) bool {
	h, ok := r.likely(head)
	if ok || !h.can() {
		return ok
	}
	ahead := r.peek(2*recordHeader + int(h.captured))
	if len(ahead) < 2*recordHeader+int(h.captured) {
		return true
	}
	return r.near(r.recordOf(ahead[len(ahead)-recordHeader:]), int64(h.seconds))
}

func (r *Reader) nextClassic(p *Packet) error {
	for {
		head := r.peek(recordHeader)
		if len(head) < recordHeader {
			r.ends = r.ends || len(head) > 0
			return io.EOF
		}
		h := r.recordOf(head)
		if !r.believed(head) {
			if err := r.broken(r.packets); err != nil {
				return err
			}
			continue
		}
		whole := r.peek(recordHeader + int(h.captured))
		if len(whole) < recordHeader+int(h.captured) {
			if r.lost() {
				continue
			}
			r.ends = true
			return io.EOF
		}
		p.From, p.Link, p.Data, p.Cut = r.at, r.pcap.link, whole[recordHeader:], h.captured < h.length
		p.Time = int64(h.seconds)*1e9 + int64(h.fraction)*1e3
		if r.pcap.nano {
			p.Time = int64(h.seconds)*1e9 + int64(h.fraction)
		}
		if err := r.pass(len(whole)); err != nil {
			return err
		}
		p.To = r.at
		return nil
	}
}

// packets reports whether two packets begin here, or the last one does.
func (r *Reader) packets(ahead []byte) bool {
	if len(ahead) < recordHeader {
		return false
	}
	h, ok := r.likely(ahead)
	if !ok {
		return false
	}
	next := recordHeader + int(h.captured)
	if len(ahead) < next+recordHeader {
		return len(ahead) == next
	}
	_, ok = r.likely(ahead[next:])
	return ok
}

// lost decides about a packet that is said to reach behind the end of the file. Where other packets begin before that, its header
// is what is damaged; reading goes on there.
func (r *Reader) lost() bool {
	ahead := r.peek(recordHeader + maxPacket)
	for n := 1; n < len(ahead); n++ {
		if r.packets(ahead[n:]) {
			r.damages++
			r.skipped += int64(n)
			return r.pass(n) == nil
		}
	}
	return false
}
