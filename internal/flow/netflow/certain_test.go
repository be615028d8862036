package netflow

import (
	"encoding/binary"
	"testing"
)

// TestCertain: exports are told from what happens to begin as they do.
func TestCertain(t *testing.T) {
	be := binary.BigEndian
	at := int64(1_700_000_000e9)
	legacy := func(version, count uint16, header, record int) []byte {
		b := make([]byte, header+int(count)*record)
		be.PutUint16(b, version)
		be.PutUint16(b[2:], count)
		be.PutUint32(b[8:], uint32(at/1e9))
		return b
	}
	sets := func(version uint16, header, time int, rest ...byte) []byte {
		b := append(make([]byte, header), rest...)
		be.PutUint16(b, version)
		be.PutUint32(b[time:], uint32(at/1e9))
		be.PutUint16(b[2:], uint16(len(b)))
		return b
	}
	template, data := []byte{0, 2, 0, 12, 1, 0, 0, 1, 0, 8, 0, 4}, []byte{1, 0, 0, 8, 10, 0, 0, 1}
	good := map[string][]byte{
		"1": legacy(1, 24, 16, 52), "5": legacy(5, 30, 24, 48), "7": legacy(7, 1, 24, 52), "9": sets(9, 20, 8, append([]byte{0, 0, 0, 12, 1, 0, 0, 1, 0, 8, 0, 4}, data...)...),
		"ipfix": sets(10, 16, 4, append(template, data...)...), "ipfix of nothing": sets(10, 16, 4),
	}
	for name, b := range good {
		if !Certain(b, at) {
			t.Errorf("%s is not recognised", name)
		}
		if Certain(b, at+500*24*3600*1e9) || Certain(b[:len(b)-1], at) || Certain(append([]byte{}, append(b, 0)...), at) {
			t.Errorf("%s of another year, cut or too long is certain", name)
		}
	}
	for name, b := range map[string][]byte{
		"a question of DNS numbered 5": append([]byte{0, 5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3}, make([]byte, 100)...), "nothing": nil, "nothing of 9": sets(9, 20, 8),
		"reserved set": sets(10, 16, 4, 0, 9, 0, 4), "endless set": sets(10, 16, 4, 1, 0, 0, 0), "none of 5": legacy(5, 0, 24, 48), "version 6": legacy(6, 1, 24, 52), "words": []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
	} {
		if Certain(b, at) {
			t.Errorf("%s is taken for an export", name)
		}
	}
}
