package netflow

import (
	"encoding/binary"
	"math"

	"tocsin/internal/flow"
)

// An op is what is done with the value of an element.
type op uint8

const (
	skip op = iota
	octets
	packets
	octetsElse // counts where octets are not told
	packetsElse
	octetsOut // behind a middlebox; counts where nothing else is told
	packetsOut
	octetsReverse
	packetsReverse
	octetsReverseElse
	packetsReverseElse
	protocol
	tos
	tcpFlags
	sourcePort
	destinationPort
	sourceV4
	destinationV4
	sourceV6
	destinationV6
	ingress
	egress
	sourceAS
	destinationAS
	sourceMAC
	destinationMAC
	vlan
	direction
	forwarding
	firewall
	icmpTypeCode
	icmpType
	icmpCode
	application
	sampling
	samplingSpace
	sampler
	startUptime
	endUptime
	startSeconds
	endSeconds
	startMilli
	endMilli
	startNTP
	endNTP
	startDelta
	endDelta
	durationMilli
	durationMicro
	bootMilli
)

// opOf knows the elements that tocsin reads (IANA registry "IPFIX Information Elements"; those of NetFlow 9 are the same
// below 128, RFC 3954 section 8).
func opOf(id uint16, enterprise uint32) op {
	switch enterprise {
	case noEnterprise:
	case reverse:
		switch id {
		case 1:
			return octetsReverse
		case 2:
			return packetsReverse
		case 85:
			return octetsReverseElse
		case 86:
			return packetsReverseElse
		}
		return skip
	default:
		return skip
	}
	switch id {
	case 1: // octetDeltaCount
		return octets
	case 2:
		return packets
	case 85, 231: // octetTotalCount, initiatorOctets
		return octetsElse
	case 86, 298:
		return packetsElse
	case 4:
		return protocol
	case 5:
		return tos
	case 6:
		return tcpFlags
	case 7:
		return sourcePort
	case 8:
		return sourceV4
	case 10:
		return ingress
	case 11:
		return destinationPort
	case 12:
		return destinationV4
	case 14:
		return egress
	case 16:
		return sourceAS
	case 17:
		return destinationAS
	case 21:
		return endUptime
	case 22:
		return startUptime
	case 23: // postOctetDeltaCount, OUT_BYTES
		return octetsOut
	case 24:
		return packetsOut
	case 27:
		return sourceV6
	case 28:
		return destinationV6
	case 32, 139: // icmpTypeCodeIPv4, icmpTypeCodeIPv6
		return icmpTypeCode
	case 34, 305: // samplingInterval, samplingPacketInterval
		return sampling
	case 306:
		return samplingSpace
	case 48, 302: // samplerId, selectorId
		return sampler
	case 56:
		return sourceMAC
	case 58, 243: // vlanId, dot1qVlanId
		return vlan
	case 61:
		return direction
	case 80:
		return destinationMAC
	case 89:
		return forwarding
	case 95:
		return application
	case 150:
		return startSeconds
	case 151:
		return endSeconds
	case 152:
		return startMilli
	case 153:
		return endMilli
	case 154, 156: // micro- and nanoseconds are both written as times of NTP
		return startNTP
	case 155, 157:
		return endNTP
	case 158:
		return startDelta
	case 159:
		return endDelta
	case 160:
		return bootMilli
	case 161:
		return durationMilli
	case 162:
		return durationMicro
	case 176, 178:
		return icmpType
	case 177, 179:
		return icmpCode
	case 232: // responderOctets
		return octetsReverseElse
	case 233, 40005: // firewallEvent; before it was registered Cisco's ASA had a number of its own
		return firewall
	case 299:
		return packetsReverseElse
	default:
		return skip
	}
}

// A scratch is a record that is being read, with what is needed only until it is whole.
type scratch struct {
	out    *flow.Record
	clock  *clock
	tables *tables

	octetsOut, packetsOut uint64
	duration              int64
	boot                  int64 // of the exporter, in nanoseconds since 1970 UTC; 0: not told
	startUp, endUp        uint32
	icmp                  uint16 // type * 256 + code, which records of other protocols have as well
	space                 uint32
	told                  told
	samplerID             uint32
}

// told says which of the facts of a scratch were there.
type told uint16

const (
	toldStart told = 1 << iota
	toldEnd
	toldStartUp
	toldEndUp
	toldDuration
	toldSampler
	toldSource
	toldDestination
	toldOctets
	toldPackets
	toldReverseOctets
	toldReversePackets
)

// number reads an unsigned number of any length; one of more than 8 bytes keeps the last.
func number(v []byte) uint64 {
	switch len(v) {
	case 1:
		return uint64(v[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(v))
	case 4:
		return uint64(binary.BigEndian.Uint32(v))
	case 8:
		return binary.BigEndian.Uint64(v)
	}
	var n uint64
	for _, b := range v {
		n = n<<8 | uint64(b)
	}
	return n
}

func number32(v []byte) uint32 { return uint32(min(number(v), math.MaxUint32)) } //nolint:gosec // it fits

// take puts one value where it belongs. A value of a length that its element cannot have is left out.
func (s *scratch) take(o op, v []byte) {
	r := s.out
	switch o {
	case octets, octetsElse:
		s.count(&r.Bytes, toldOctets, o == octetsElse, v)
	case packets, packetsElse:
		s.count(&r.Packets, toldPackets, o == packetsElse, v)
	case octetsOut:
		s.octetsOut = number(v)
	case packetsOut:
		s.packetsOut = number(v)
	case octetsReverse, octetsReverseElse:
		s.count(&r.ReverseBytes, toldReverseOctets, o == octetsReverseElse, v)
		r.Has |= flow.HasReverse
	case packetsReverse, packetsReverseElse:
		s.count(&r.ReversePackets, toldReversePackets, o == packetsReverseElse, v)
		r.Has |= flow.HasReverse
	case protocol:
		r.Protocol = uint8(number(v)) //nolint:gosec // one byte; of longer ones the last
		r.Has |= flow.HasProtocol
	case tos:
		r.TOS = uint8(number(v)) //nolint:gosec // as above
	case tcpFlags: // two bytes in IPFIX (RFC 7125), of which the lower one is meant
		r.TCPFlags = uint8(number(v)) //nolint:gosec // as above
		r.Has |= flow.HasTCPFlags
	case sourcePort:
		r.SourcePort = uint16(number(v)) //nolint:gosec // as above
		r.Has |= flow.HasPorts
	case destinationPort:
		r.DestinationPort = uint16(number(v)) //nolint:gosec // as above
		r.Has |= flow.HasPorts
	case sourceV4, destinationV4, sourceV6, destinationV6:
		s.address(o, v)
	case ingress:
		r.Ingress = number32(v)
		r.Has |= flow.HasInterfaces
	case egress:
		r.Egress = number32(v)
		r.Has |= flow.HasInterfaces
	case sourceAS:
		r.SourceAS = number32(v)
		r.Has |= flow.HasAS
	case destinationAS:
		r.DestinationAS = number32(v)
		r.Has |= flow.HasAS
	case sourceMAC:
		if len(v) == 6 {
			copy(r.SourceMAC[:], v)
			r.Has |= flow.HasMAC
		}
	case destinationMAC:
		if len(v) == 6 {
			copy(r.DestinationMAC[:], v)
			r.Has |= flow.HasMAC
		}
	case vlan:
		r.VLAN = uint16(number(v)) & 0xfff //nolint:gosec // twelve bits
		r.Has |= flow.HasVLAN
	case direction:
		r.Direction = uint8(number(v) & 1)
		r.Has |= flow.HasDirection
	case forwarding: // the upper two bits of its last byte are the status, of which 2 is dropped (RFC 7270 section 4.12)
		if v[len(v)-1]>>6 == 2 {
			r.Has |= flow.Dropped
		}
	case firewall: // of which 3 is denied (IANA registry "firewallEvent")
		if number(v) == 3 {
			r.Has |= flow.Dropped
		}
	case icmpTypeCode:
		s.icmp |= uint16(number(v)) //nolint:gosec // two bytes
	case icmpType:
		s.icmp |= uint16(number(v)) << 8 //nolint:gosec // two bytes
	case icmpCode:
		s.icmp |= uint16(number(v)) & 0xff //nolint:gosec // one byte
	case application:
		r.Application = uint32(number(v)) //nolint:gosec // of longer ones the last four
	case sampling:
		r.Sampling = number32(v)
	case samplingSpace:
		s.space = number32(v)
	case sampler:
		s.samplerID = number32(v)
		s.told |= toldSampler
	default:
		s.time(o, v)
	}
}

// count sets one of the counts. What was counted since the last record of the flow goes before what was counted since its beginning,
// or by other rules, where a record tells both: else it would be added up again and again.
func (s *scratch) count(into *uint64, which told, otherwise bool, v []byte) {
	switch {
	case !otherwise:
		s.told |= which
	case s.told&which != 0:
		return
	}
	*into = number(v)
}

func (s *scratch) address(o op, v []byte) {
	r := s.out
	switch {
	case o == sourceV4 && len(v) == 4:
		if s.told&toldSource == 0 { // a record with both tells the one that is not used as zero
			r.Source = flow.V4(binary.BigEndian.Uint32(v))
		}
		s.told |= toldSource
	case o == destinationV4 && len(v) == 4:
		if s.told&toldDestination == 0 {
			r.Destination = flow.V4(binary.BigEndian.Uint32(v))
		}
		s.told |= toldDestination
	case o == sourceV6 && len(v) == 16 && !isZero(v):
		r.Source = [16]byte(v)
		r.Has |= flow.IsV6
		s.told |= toldSource
	case o == destinationV6 && len(v) == 16 && !isZero(v):
		r.Destination = [16]byte(v)
		r.Has |= flow.IsV6
		s.told |= toldDestination
	}
}

func isZero(v []byte) bool {
	return binary.BigEndian.Uint64(v)|binary.BigEndian.Uint64(v[8:]) == 0
}

func (s *scratch) time(o op, v []byte) {
	n := number(v)
	switch o {
	case startUptime:
		s.startUp = uint32(n) //nolint:gosec // four bytes
		s.told |= toldStartUp
	case endUptime:
		s.endUp = uint32(n) //nolint:gosec // four bytes
		s.told |= toldEndUp
	case startSeconds:
		s.start(seconds(n))
	case endSeconds:
		s.end(seconds(n))
	case startMilli:
		s.start(millis(n))
	case endMilli:
		s.end(millis(n))
	case startNTP:
		s.start(ntp(n))
	case endNTP:
		s.end(ntp(n))
	case startDelta: // microseconds before the export (RFC 5102 section 5.9.9)
		s.start(s.clock.exported - int64(uint32(n))*1e3) //nolint:gosec // four bytes
	case endDelta:
		s.end(s.clock.exported - int64(uint32(n))*1e3) //nolint:gosec // four bytes
	case durationMilli:
		s.duration, s.told = int64(uint32(n))*1e6, s.told|toldDuration //nolint:gosec // four bytes
	case durationMicro:
		s.duration, s.told = int64(uint32(n))*1e3, s.told|toldDuration //nolint:gosec // four bytes
	case bootMilli:
		s.boot = millis(n)
	}
}

// seconds and millis bound what they take, so that nothing goes round.
func seconds(n uint64) int64 { return int64(min(n, 9e9)) * 1e9 }  //nolint:gosec // bounded
func millis(n uint64) int64  { return int64(min(n, 9e12)) * 1e6 } //nolint:gosec // bounded

func (s *scratch) start(t int64) { s.out.Start, s.told = t, s.told|toldStart }
func (s *scratch) end(t int64)   { s.out.End, s.told = t, s.told|toldEnd }

// finish puts the record together when all its values were taken; false when it is none.
func (s *scratch) finish(report *flow.Report) bool {
	r := s.out
	if s.told&(toldSource|toldDestination) != toldSource|toldDestination {
		report.Problem(flow.NoAddresses)
		return false
	}
	r.Has |= flow.HasAddresses
	if r.Bytes == 0 && r.Packets == 0 {
		r.Bytes, r.Packets = s.octetsOut, s.packetsOut
	}
	s.finishTimes(report)
	if s.told&toldSampler != 0 && r.Sampling == 0 {
		r.Sampling = s.tables.sampler(s.samplerID)
	}
	if r.Sampling == 0 {
		r.Sampling = s.tables.sampling
	} else if s.space > 0 { // so many are taken, and then so many are left out (RFC 5477 section 8.2)
		r.Sampling = uint32(min((uint64(r.Sampling)+uint64(s.space))/uint64(r.Sampling), math.MaxUint32)) //nolint:gosec // bounded
	}
	if s.icmp != 0 && (r.Protocol == protoICMP || r.Protocol == protoICMPv6) { // of zero the port may say more
		r.DestinationPort = s.icmp
	}
	settle(r)
	return true
}

func (s *scratch) finishTimes(report *flow.Report) {
	r, c := s.out, s.clock
	if s.boot == 0 {
		s.boot = s.tables.boot
	}
	if c.ticks || s.boot != 0 { // else nobody knows from when on its uptime counts
		if s.told&(toldStart|toldStartUp) == toldStartUp {
			s.start(c.since(s.boot, s.startUp))
		}
		if s.told&(toldEnd|toldEndUp) == toldEndUp {
			s.end(c.since(s.boot, s.endUp))
		}
	}
	if s.told&toldDuration != 0 {
		switch s.told & (toldStart | toldEnd) {
		case toldStart:
			s.end(r.Start + s.duration)
		case toldEnd:
			s.start(r.End - s.duration)
		}
	}
	switch s.told & (toldStart | toldEnd) {
	case toldStart | toldEnd:
	case toldStart:
		r.End = max(r.Start, c.exported)
	case toldEnd:
		r.Start = r.End
	default:
		r.Start, r.End = c.exported, c.exported
		return
	}
	if !c.believe(r.Start) || !c.believe(r.End) {
		report.Problem(flow.BadTime)
		r.Start, r.End = c.exported, c.exported
		return
	}
	r.Has |= flow.HasTimes
}
