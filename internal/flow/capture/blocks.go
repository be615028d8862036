package capture

import (
	"encoding/binary"
	"io"
	"math"
	"math/bits"
)

// Types of blocks (draft-ietf-opsawg-pcapng section 11.1).
const (
	sectionBlock   = magicBlock
	interfaceBlock = 1
	oldPacketBlock = 2
	simpleBlock    = 3
	namesBlock     = 4
	countsBlock    = 5
	packetBlock    = 6
	secretsBlock   = 10
	customBlock    = 0x0bad
	customNoCopy   = 0x40000bad
)

// Options of an interface (section 4.2).
const (
	optionEnd        = 0
	optionResolution = 9
	optionOffset     = 14
)

// maxInterfaces bounds how many interfaces of a section are known.
const maxInterfaces = 4096

// blocks is what is known of a section of pcapng.
type blocks struct {
	interfaces []adapter
	foreign    bool // its version is unknown, and so is what stands in it
}

// An adapter is an interface on which packets were captured.
type adapter struct {
	link, snap uint32
	units      uint64 // of time, in a second
	offset     int64  // seconds that are added
}

// nextBlock reads blocks up to the next packet (section 3.1).
func (r *Reader) nextBlock(p *Packet) error {
	for {
		head := r.peek(12)
		if len(head) < 12 {
			r.ends = r.ends || len(head) > 0
			return io.EOF
		}
		length, ok := r.lengthOf(head)
		if !ok {
			if err := r.broken(r.blockBegins); err != nil {
				return err
			}
			continue
		}
		if length > window {
			if err := r.pass(length); err != nil { // nothing of it is asked for
				return err
			}
			continue
		}
		whole := r.peek(length)
		switch {
		case len(whole) < length:
			if r.lostBlock() {
				continue
			}
			r.ends = true
			return io.EOF
		case !r.closes(whole):
			if err := r.broken(r.blockBegins); err != nil {
				return err
			}
			continue
		}
		from := r.at
		found := r.block(whole, p)
		if err := r.pass(length); err != nil {
			return err
		}
		if found {
			p.From, p.To = from, r.at
			return nil
		}
	}
}

// lengthOf returns the length of the block that begins with head, and whether it can be one.
func (r *Reader) lengthOf(head []byte) (length int, ok bool) {
	kind, order := binary.BigEndian.Uint32(head), r.order
	if kind == sectionBlock {
		order = orderOf(head[8:], magicOrder)
	}
	if order == nil {
		return 0, false
	}
	n := order.Uint32(head[4:])
	return int(n), n >= 12 && n%4 == 0 && n <= maxBlock && (n <= window || kind != sectionBlock && order.Uint32(head) != packetBlock)
}

// closes reports whether a block ends with its length, as it begins.
func (r *Reader) closes(block []byte) bool {
	return [4]byte(block[len(block)-4:]) == [4]byte(block[4:])
}

// blockBegins reports whether bytes are a whole block of a known type, where it is not known that they are.
func (r *Reader) blockBegins(ahead []byte) bool {
	if len(ahead) < 12 {
		return false
	}
	length, ok := r.lengthOf(ahead)
	if !ok || length > len(ahead) || !r.closes(ahead[:length]) {
		return false
	}
	if binary.BigEndian.Uint32(ahead) == sectionBlock {
		return true
	}
	switch r.order.Uint32(ahead) {
	case interfaceBlock, oldPacketBlock, simpleBlock, namesBlock, countsBlock, packetBlock, secretsBlock, customBlock, customNoCopy:
		return true
	}
	return false
}

// lostBlock decides about a block that is said to reach behind the end of the file, as lost does.
func (r *Reader) lostBlock() bool {
	ahead := r.peek(window)
	for n := 1; n < len(ahead); n++ {
		if r.blockBegins(ahead[n:]) {
			r.damages++
			r.skipped += int64(n)
			return r.pass(n) == nil
		}
	}
	return false
}

// block reads one block. It reports whether that is a packet.
func (r *Reader) block(b []byte, p *Packet) bool {
	if binary.BigEndian.Uint32(b) == sectionBlock {
		if order := orderOf(b[8:], magicOrder); order != nil {
			r.order = order
		}
		r.blocks.interfaces = r.blocks.interfaces[:0]
		if r.blocks.foreign = len(b) < 14 || r.order.Uint16(b[12:]) != 1; r.blocks.foreign { // section 4.1
			r.damages++
		}
		return false
	}
	if r.blocks.foreign {
		r.skipped += int64(len(b))
		return false
	}
	body := b[8 : len(b)-4]
	switch r.order.Uint32(b) {
	case interfaceBlock:
		if len(body) >= 8 && len(r.blocks.interfaces) < maxInterfaces {
			r.blocks.interfaces = append(r.blocks.interfaces, r.adapterOf(body))
		}
	case packetBlock: // section 4.3
		if len(body) >= 20 {
			return r.packet(p, r.order.Uint32(body), body[4:], body[20:])
		}
	case oldPacketBlock: // appendix A
		if len(body) >= 20 {
			return r.packet(p, uint32(r.order.Uint16(body)), body[4:], body[20:])
		}
	case simpleBlock: // section 4.4: of the first interface, without a time
		if len(body) >= 4 && len(r.blocks.interfaces) > 0 {
			length := r.order.Uint32(body)
			captured := length
			if snap := r.blocks.interfaces[0].snap; snap > 0 {
				captured = min(captured, snap)
			}
			return r.deliver(p, &r.blocks.interfaces[0], r.last, captured, length, body[4:])
		}
	}
	return false
}

// adapterOf reads a description of an interface (section 4.2).
func (r *Reader) adapterOf(body []byte) adapter {
	a := adapter{link: uint32(r.order.Uint16(body)), snap: r.order.Uint32(body[4:]), units: 1e6}
	for options := body[8:]; len(options) >= 4; {
		code, length := r.order.Uint16(options), int(r.order.Uint16(options[2:]))
		padded := 4 + (length+3)&^3
		if code == optionEnd || padded > len(options) {
			break
		}
		value := options[4 : 4+length]
		switch {
		case code == optionResolution && length == 1:
			a.units = unitsOf(value[0])
		case code == optionOffset && length == 8:
			a.offset = int64(r.order.Uint64(value)) //nolint:gosec // it is signed
		}
		options = options[padded:]
	}
	return a
}

// unitsOf returns how many units a resolution has in a second: a power of ten, or of two where the upper bit is set; 0 for what
// 64 bits cannot count.
func unitsOf(resolution byte) uint64 {
	exponent := resolution & 0x7f
	if resolution&0x80 != 0 {
		if exponent > 63 {
			return 0
		}
		return 1 << exponent
	}
	if exponent > 19 {
		return 0
	}
	units := uint64(1)
	for range exponent {
		units *= 10
	}
	return units
}

// packet delivers one whose time, captured and full length stand in head.
func (r *Reader) packet(p *Packet, number uint32, head, data []byte) bool {
	if number >= uint32(len(r.blocks.interfaces)) { //nolint:gosec // few
		r.damages++ // nobody knows how it is to be read
		return false
	}
	a := &r.blocks.interfaces[number]
	stamp := uint64(r.order.Uint32(head))<<32 | uint64(r.order.Uint32(head[4:]))
	at, ok := a.time(stamp)
	if !ok {
		at = r.last
	}
	return r.deliver(p, a, at, r.order.Uint32(head[8:]), r.order.Uint32(head[12:]), data)
}

func (r *Reader) deliver(p *Packet, a *adapter, at int64, captured, length uint32, data []byte) bool {
	if uint64(captured) > uint64(len(data)) || captured > maxPacket {
		r.damages++
		return false
	}
	p.Time, p.Link, p.Data, p.Cut = at, a.link, data[:captured], captured < length
	return true
}

// time turns a stamp into nanoseconds since 1970 UTC; false for what these cannot count.
func (a *adapter) time(stamp uint64) (ns int64, ok bool) {
	if a.units == 0 {
		return 0, false
	}
	high, low := bits.Mul64(stamp%a.units, 1e9)
	fraction, _ := bits.Div64(high, low, a.units) // high is below units, since the stamp is
	const most = math.MaxInt64/1_000_000_000 - 1
	seconds := stamp / a.units
	if seconds > most || a.offset > most || a.offset < -most {
		return 0, false
	}
	total := int64(seconds) + a.offset //nolint:gosec // bounded
	if total > most || total < 0 {
		return 0, false
	}
	return total*1e9 + int64(fraction), true //nolint:gosec // below 1e9
}
