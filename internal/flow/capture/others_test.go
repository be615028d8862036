package capture

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"

	"tocsin/internal/flow/flowtest"
)

// oracle reads a capture as gopacket does.
func oracle(t *testing.T, path string) (all []told) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var next func() (data []byte, info gopacket.CaptureInfo, link uint32, err error)
	if filepath.Ext(path) == ".pcapng" {
		r, err := pcapgo.NewNgReader(f, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		if err != nil {
			t.Fatal(err)
		}
		next = func() (data []byte, info gopacket.CaptureInfo, link uint32, err error) {
			if data, info, err = r.ReadPacketData(); err != nil {
				return nil, info, 0, err
			}
			adapter, err := r.Interface(info.InterfaceIndex)
			return data, info, uint32(adapter.LinkType), err
		}
	} else {
		r, err := pcapgo.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		next = func() (data []byte, info gopacket.CaptureInfo, link uint32, err error) {
			data, info, err = r.ReadPacketData()
			return data, info, uint32(r.LinkType()), err
		}
	}
	for {
		data, info, link, err := next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		at := int64(0)
		switch {
		case !info.Timestamp.IsZero():
			at = info.Timestamp.UnixNano()
		case len(all) > 0: // a simple packet has no time of its own
			at = all[len(all)-1].Time
		}
		all = append(all, told{at, link, string(data), info.CaptureLength < info.Length})
	}
}

// TestOthersCaptures: the captures of gopacket's own tests, in pcap and in pcapng of either byte order with every kind of block and option,
// are read as gopacket reads them. They stand in its module, and are read there.
func TestOthersCaptures(t *testing.T) {
	files, packets := 0, 0
	for _, pattern := range []string{"pcap/*.pcap", "layers/testdata/*.pcap", "layers/testdata/*.pcapng", "pcapgo/tests/*/*.pcapng", "pcapgo/tests/*.pcapng"} {
		for _, path := range flowtest.Others(t, pattern) {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := oracle(t, path)
			got, r := readAll(t, file)
			foreign := 0 // sections of a version that there is not
			if filepath.Base(path) == "test901.pcapng" {
				foreign = 1
			}
			if times, _ := r.Damaged(); times != foreign || r.Ends() || !cmp.Equal(want, got) {
				t.Errorf("%s: %d packets, want %d; damaged in %d places, ends %v (-want +got):\n%.2000s", path, len(got), len(want), times, r.Ends(), cmp.Diff(want, got))
			}
			files, packets = files+1, packets+len(got)
		}
	}
	t.Logf("%d packets of %d files", packets, files)
}
