package list

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// Folder is where lists are, below the data directory; each is the file NAME.txt there.
const Folder = "lists"

// Path returns the file of a list, below the data directory.
func Path(name string) string { return Folder + "/" + name + ".txt" }

// A Shelf hands out lists by name. It may be used by several goroutines.
type Shelf struct {
	files fs.FS
	of    *Shelf // of a shelf for questions: where its lists are

	mu      sync.Mutex
	lists   map[string]*List
	reports []Report
}

// stamp tells whether a file is still the one that was read.
type stamp struct {
	time, size int64
}

// A Report is what came of reading a list.
type Report struct {
	Name    string
	Entries int
	Broken  []Broken // the first broken lines
	Total   int      // of all broken lines
	// Err says why the list could not be read; it then holds what it held before, at first nothing. fs.ErrNotExist is
	// wrapped when there is no such file.
	Err error
}

// NewShelf returns the shelf of the lists below files; nil files are none.
func NewShelf(files fs.FS) *Shelf { return &Shelf{files: files, lists: map[string]*List{}} }

// Of returns a shelf of lists whose texts are given by name; others are empty. It is not to be renewed.
func Of(texts map[string]string) *Shelf {
	s := NewShelf(nil)
	for name, text := range texts {
		l := &List{name: name}
		c, _, _, err := read(strings.NewReader(text))
		if err != nil {
			c = &content{}
		}
		l.now.Store(c)
		s.lists[name] = l
	}
	return s
}

// ForQuestions returns a shelf that hands out the same lists to those who ask once. Of a list that has no file it keeps nothing and
// tells nothing: anybody may ask, for any name.
func (s *Shelf) ForQuestions() *Shelf { return &Shelf{of: s} }

// List returns the list of a name, and reads it when it is asked for the first time. What came of that stands in the next
// reports. A list that cannot be read is empty until it can.
func (s *Shelf) List(name string) *List {
	if s.of != nil {
		return s.of.list(name, false)
	}
	return s.list(name, true)
}

// Find is List for those who must be told when there is no such list: the error says why nothing was ever read of it, and wraps
// fs.ErrNotExist when it has no file. A list that lost its file is as it was. What came late is read at once.
func (s *Shelf) Find(name string) (*List, error) {
	on := s
	if s.of != nil {
		on = s.of
	}
	l := on.list(name, s.of == nil)
	on.mu.Lock()
	defer on.mu.Unlock()
	if c := l.now.Load(); c.stale != nil && c.table.Len() == 0 && on.lists[name] == l {
		on.renew(l)
	}
	if c := l.now.Load(); c.stale != nil && c.table.Len() == 0 {
		return nil, c.stale
	}
	return l, nil
}

// mostFiles bounds how many files are looked at to tell which lists there are.
const mostFiles = 1000

// Names returns what the files are called of which lists may be read, sorted; of a folder of very many files some.
func (s *Shelf) Names() (names []string) {
	if s.of != nil {
		return s.of.Names()
	}
	if s.files == nil {
		return nil
	}
	folder, err := s.files.Open(Folder)
	if err != nil {
		return nil
	}
	defer folder.Close()
	d, ok := folder.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	files, _ := d.ReadDir(mostFiles) // those that could be read
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".txt"); ok && name != "" && !f.IsDir() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// list returns the list of a name. One without a file is kept, so that it is there when its file is, as lasting says.
func (s *Shelf) list(name string, lasting bool) *List {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lists[name]; l != nil {
		return l
	}
	l, told := &List{name: name}, len(s.reports)
	l.now.Store(&content{})
	s.renew(l)
	if !lasting && l.now.Load().stamp == missing {
		s.reports = s.reports[:told]
		return l
	}
	s.lists[name] = l
	return l
}

// Renew reads those lists anew whose files have changed since, and returns what came of it, and of those that were read for
// the first time since the last call.
func (s *Shelf) Renew() []Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lists {
		s.renew(l)
	}
	reports := s.reports
	s.reports = nil
	slices.SortStableFunc(reports, func(a, b Report) int { return strings.Compare(a.Name, b.Name) })
	return reports
}

// renew reads one list when its file is another than the one that was read. A failure is told once.
func (s *Shelf) renew(l *List) {
	held := l.now.Load()
	at, c, r := s.open(l.name, held.stamp)
	if c == nil && r.Err == nil || r.Err != nil && at == held.stamp && at != (stamp{}) {
		return
	}
	if c == nil {
		c = &content{table: held.table, texts: held.texts, stale: r.Err}
	}
	c.stamp = at
	l.now.Store(c)
	r.Name, r.Entries = l.name, c.table.Len()
	s.reports = append(s.reports, r)
}

// Problems says of each list that does not hold what its file says why, by name. A list that never had a file is empty, and no
// problem: who names it is told so when the configuration is checked.
func (s *Shelf) Problems() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lists {
		c := l.now.Load()
		if c.stale != nil && (c.table.Len() > 0 || !errors.Is(c.stale, fs.ErrNotExist)) {
			all = append(all, fmt.Sprintf("list %s stays as it was, with %d entries: %v", l.name, c.table.Len(), c.stale))
		}
	}
	slices.Sort(all)
	return all
}

// missing is the stamp of a file that is not there.
var missing = stamp{time: -1, size: -1}

// open reads the file of a list when it is another than that of a stamp; nothing at all when it is the same.
func (s *Shelf) open(name string, known stamp) (at stamp, c *content, r Report) {
	if s.files == nil {
		r.Err = fmt.Errorf("read list %s: %w", name, fs.ErrNotExist)
		return missing, nil, r
	}
	info, err := fs.Stat(s.files, Path(name))
	if err != nil {
		r.Err = fmt.Errorf("read list %s: %w", name, err)
		return missing, nil, r
	}
	at = stamp{info.ModTime().UnixNano(), info.Size()}
	if at == known {
		return at, nil, r
	}
	if at.size > MaxBytes {
		r.Err = fmt.Errorf("read list %s: %d bytes, want %d or fewer", name, at.size, MaxBytes)
		return at, nil, r
	}
	f, err := s.files.Open(Path(name))
	if err != nil {
		r.Err = fmt.Errorf("read list %s: %w", name, err)
		return at, nil, r
	}
	c, r.Broken, r.Total, err = read(io.LimitReader(f, MaxBytes))
	if err == nil && r.Total > c.table.Len() {
		err = fmt.Errorf("%d of its lines are broken and %d are not, want a list of addresses (%v)", r.Total, c.table.Len(), r.Broken[0])
	}
	if err = errors.Join(err, f.Close()); err != nil {
		r.Err = fmt.Errorf("read list %s: %w", name, err)
		return at, nil, r
	}
	return at, c, r
}

// Check tells what keeps a list from being read, as that it has no file.
func Check(files fs.FS, name string) error {
	_, _, r := NewShelf(files).open(name, stamp{})
	return r.Err
}
