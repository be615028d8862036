package list_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/internal/list"
)

func file(text string, at int) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(text), ModTime: time.Unix(int64(at), 0)}
}

const drop = "\xef\xbb\xbf; Spamhaus DROP List\n192.0.2.0/24 ; SBL123\n\n# a comment\n198.51.100.7\tbotnet \x1b[31mred\n2001:db8::/32,six\n::ffff:203.0.113.9\n10.1.2.3/8 # host bits\r\n"

func TestEntries(t *testing.T) {
	shelf := list.NewShelf(fstest.MapFS{"lists/drop.txt": file(drop+"nonsense here\n300.1.1.1\n0.0.0.0/0\n::1%eth0\n", 1)})
	l := shelf.List("drop")
	for address, want := range map[string]string{
		"192.0.2.9": "192.0.2.0/24 (SBL123)", "198.51.100.7": "198.51.100.7 (botnet [31mred)", "198.51.100.8": "", "2001:db8::5": "2001:db8::/32 (six)",
		"203.0.113.9": "203.0.113.9", "10.200.0.1": "10.0.0.0/8 (host bits)", "2001:db9::": "", "0.0.0.1": "",
	} {
		a := netip.MustParseAddr(address).As16()
		got, ok := l.Entry(a)
		if got != want || ok != (want != "") || l.Holds(a) != ok {
			t.Errorf("Entry(%s): got %q, %v, want %q", address, got, ok, want)
		}
	}
	r := shelf.Renew()
	if len(r) != 1 || r[0].Err != nil || r[0].Entries != 5 || r[0].Total != 4 || len(r[0].Broken) != 4 || r[0].Broken[0].Line != 9 || r[0].Broken[2].Why != "it holds every address" {
		t.Errorf("Renew: got %+v", r)
	}
}

// A list follows its file: it may come late, change, be broken, and go, and is never worse for it than it must be.
func TestRenew(t *testing.T) {
	files := fstest.MapFS{}
	shelf := list.NewShelf(files)
	l := shelf.List("bad")
	a := netip.MustParseAddr("192.0.2.1").As16()
	reports := func(want int) []list.Report {
		t.Helper()
		r := shelf.Renew()
		if len(r) != want {
			t.Fatalf("Renew: got %+v, want %d reports", r, want)
		}
		return r
	}
	if r := reports(1); !errors.Is(r[0].Err, fs.ErrNotExist) || l.Holds(a) {
		t.Errorf("without a file: got %+v", r)
	}
	reports(0) // told once
	files["lists/bad.txt"] = file("192.0.2.1\n", 1)
	if r := reports(1); r[0].Err != nil || r[0].Entries != 1 || !l.Holds(a) {
		t.Errorf("with a file: got %+v", r)
	}
	reports(0)
	files["lists/bad.txt"] = file("192.0.2.2\n", 2)
	if reports(1); l.Holds(a) || l.Len() != 1 {
		t.Error("the file changed and the list did not")
	}
	delete(files, "lists/bad.txt")
	if r := reports(1); r[0].Err == nil || r[0].Entries != 1 || l.Len() != 1 {
		t.Errorf("the file is gone: got %+v, want the list kept", r)
	}
	reports(0)
	files["lists/bad.txt"] = file(strings.Repeat("x", 100_000), 3)
	if r := reports(1); r[0].Err == nil || !strings.HasSuffix(r[0].Err.Error(), "read list bad: line 1: longer than 64 KiB, want an address or a network a line") || l.Len() != 1 {
		t.Errorf("a line without end: got %+v, want the list kept and the line named", r)
	}
	reports(0)
	files["lists/bad.txt"] = file("", 4)
	if r := reports(1); r[0].Err != nil || l.Len() != 0 {
		t.Errorf("an empty file: got %+v", r)
	}
	if got := shelf.Problems(); len(got) > 0 {
		t.Errorf("Problems: got %q of a list that is as its file is", got)
	}
	if err := errors.Join(list.Check(files, "bad"), list.Check(files, "worse")); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "bad") {
		t.Errorf("Check: got %v, want worse alone", err)
	}
}

// Whoever asks for lists that are not there leaves nothing behind, however many they are; those that are there he shares with rules,
// which wait for the files of theirs.
func TestForQuestions(t *testing.T) {
	files := fstest.MapFS{"lists/there.txt": file("192.0.2.1\n", 1)}
	shelf := list.NewShelf(files)
	asked, a := shelf.ForQuestions(), netip.MustParseAddr("192.0.2.1").As16()
	waits := shelf.List("waits")
	if shared := asked.List("there"); shared != shelf.List("there") || !shared.Holds(a) || asked.List("waits") != waits {
		t.Error("a question and a rule do not share a list")
	}
	for i := range 10_000 {
		if l := asked.List(fmt.Sprint("none", i)); l.Len() != 0 || l == asked.List(l.Name()) {
			t.Fatalf("list %s, which is not there, has %d entries or is kept", l.Name(), l.Len())
		}
	}
	if r := shelf.Renew(); len(r) != 2 || r[0].Name != "there" || r[1].Name != "waits" {
		t.Errorf("Renew tells of %d lists, want of the two that are kept", len(r))
	}
	files["lists/none7.txt"], files["lists/waits.txt"] = file("192.0.2.1\n", 1), file("192.0.2.1\n", 1)
	if shelf.Renew(); !waits.Holds(a) || !asked.List("none7").Holds(a) || len(shelf.Problems()) > 0 {
		t.Errorf("lists whose files came do not hold what is in them: %v", shelf.Problems())
	}
}

// Whoever must know that a list is not there is told so, and which there are; a file that comes late is there at once.
func TestFind(t *testing.T) {
	files := fstest.MapFS{"lists/b.txt": file("192.0.2.1\n", 1), "lists/a.txt": file("", 1), "lists/not": file("", 1), "lists/.txt": file("", 1), "lists/dir.txt/x": file("", 1)}
	shelf := list.NewShelf(files)
	asked, rules := shelf.ForQuestions(), shelf.List("late")
	for _, name := range []string{"late", "none"} {
		if _, err := asked.Find(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Find(%s): got %v, want that there is no file", name, err)
		}
	}
	if got := asked.Names(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Names: got %q, want a and b", got)
	}
	if empty, err := asked.Find("a"); err != nil || empty.Len() != 0 {
		t.Errorf("Find of an empty list: got %v", err)
	}
	files["lists/late.txt"], files["lists/foul.txt"] = file("192.0.2.7\n", 1), file("<html>\n", 1)
	if l, err := asked.Find("late"); err != nil || l != rules || l.Len() != 1 {
		t.Errorf("Find of a list whose file came: got %v, %v", l, err)
	}
	for range 2 {
		if _, err := asked.Find("foul"); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "read list foul: ") {
			t.Errorf("Find of what is no list: got %v, want why", err)
		}
	}
	delete(files, "lists/late.txt")
	shelf.Renew()
	if l, err := asked.Find("late"); err != nil || l.Len() != 1 {
		t.Errorf("Find of a list that lost its file: got %v, want it as it was", err)
	}
	for i := range 1000 {
		if _, err := asked.Find(fmt.Sprint("no", i)); err == nil {
			t.Fatal("a list that is not there was found")
		}
	}
	if r := shelf.Renew(); len(r) != 0 {
		t.Errorf("Renew tells of %d lists, want none: what is asked for leaves nothing behind", len(r))
	}
	if got := list.Of(map[string]string{"x": "192.0.2.1"}).Names(); got != nil {
		t.Errorf("Names without files: got %q", got)
	}
}

// What is no list of addresses, such as the page of an error that a program fetched in its place, does not take the place of one;
// and it is said for as long as it lasts.
func TestBrokenFilesKeepTheList(t *testing.T) {
	for name, text := range map[string]string{
		"a page": "<!DOCTYPE html>\n<title>503</title>\n192.0.2.9\n", "two bytes a letter": "1\x009\x002\x00.\x000\x00.\x002\x00.\x001\x00\n\x00",
		"a line without end": "192.0.2.7\n" + strings.Repeat("x", 100_000), "too large": strings.Repeat("#", list.MaxBytes+1),
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			shelf := list.NewShelf(files)
			l := shelf.List("bad")
			if got := shelf.Problems(); len(got) > 0 {
				t.Errorf("Problems: got %q of a list that never had a file", got)
			}
			files["lists/bad.txt"] = file("192.0.2.1\r\n198.51.100.0/24 # all of it\r\n", 1)
			shelf.Renew()
			files["lists/bad.txt"] = file(text, 2)
			for range 2 { // also when it is looked at again
				shelf.Renew()
				if got := shelf.Problems(); l.Len() != 2 || len(got) != 1 || !strings.HasPrefix(got[0], "list bad stays as it was, with 2 entries: ") {
					t.Errorf("%d entries and %q, want two and a problem", l.Len(), got)
				}
			}
			delete(files, "lists/bad.txt")
			shelf.Renew()
			if got := shelf.Problems(); l.Len() != 2 || len(got) != 1 {
				t.Errorf("without a file: %d entries and %q, want two and a problem", l.Len(), got)
			}
			files["lists/bad.txt"] = file("192.0.2.2\nnonsense\n", 3)
			if r := shelf.Renew(); len(r) != 1 || r[0].Total != 1 || l.Len() != 1 || len(shelf.Problems()) > 0 {
				t.Errorf("a good file: got %+v, %d entries and %q", r, l.Len(), shelf.Problems())
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(drop)
	f.Add("1.2.3.4/33\n::/0\n1.2.3.4 " + strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, text string) {
		shelf := list.NewShelf(fstest.MapFS{"lists/x.txt": file(text, 1)})
		l := shelf.List("x")
		for _, a := range []string{"1.2.3.4", "::", "2001:db8::1"} {
			if entry, ok := l.Entry(netip.MustParseAddr(a).As16()); ok && (entry == "" || len(entry) > 300) {
				t.Errorf("an entry of %d bytes", len(entry))
			}
		}
	})
}

// BenchmarkRead reads a list as large as may be, and says what it keeps of it.
func BenchmarkRead(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for range list.MaxEntries {
		fmt.Fprintf(&text, "%d.%d.%d.%d/%d ; SBL%d\n", 1+r.IntN(220), r.IntN(256), r.IntN(256), r.IntN(256), 20+r.IntN(13), r.IntN(1_000_000))
	}
	files := fstest.MapFS{"lists/x.txt": file(text.String(), 1)}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var l *list.List
	for b.Loop() {
		l = list.NewShelf(files).List("x")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-kept")
	b.ReportMetric(float64(l.Len()), "entries")
}

func BenchmarkHolds(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			var text strings.Builder
			for range n {
				a := netip.AddrFrom4([4]byte{byte(1 + r.IntN(220)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
				fmt.Fprintf(&text, "%s/%d ; SBL\n", a, 16+r.IntN(17))
			}
			l := list.NewShelf(fstest.MapFS{"lists/x.txt": file(text.String(), 1)}).List("x")
			var addresses [1024][16]byte
			for i := range addresses {
				addresses[i] = netip.AddrFrom4([4]byte{byte(1 + r.IntN(220)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}).As16()
			}
			i := 0
			for b.Loop() {
				l.Holds(addresses[i&1023])
				i++
			}
		})
	}
}
