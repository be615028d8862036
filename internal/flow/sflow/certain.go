package sflow

// Certain reports whether a datagram can hardly be anything else than sFlow 5: it begins so, and its lengths go round up to its
// end. It is for datagrams that nobody says are exports.
func Certain(b []byte) bool {
	if !Knows(b) {
		return false
	}
	in := reader{b: b}
	_ = in.u32()
	_, known := in.address()
	_, _, _ = in.u32(), in.u32(), in.u32() // sub-agent, number and uptime
	samples := in.u32()
	if !known || in.short {
		return false
	}
	for range samples {
		if in.u32() == 0 { // no sample is of that kind
			return false
		}
		in.bytes(in.u32())
		if in.short {
			return false
		}
	}
	return len(in.b) == 0
}
