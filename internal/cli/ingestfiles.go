package cli

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// below puts the files of directories in the place of these, and of those in them, by name: so that what is named by its time is
// read in order. Names that begin with a dot are left out, and what is neither file nor directory.
func below(paths []string) (all []string, err error) {
	for _, path := range paths {
		if info, err := os.Stat(path); path == "-" || err != nil || !info.IsDir() {
			all = append(all, path) // what is wrong with it shows when it is opened
			continue
		}
		found, root := len(all), path+string(filepath.Separator) // behind which a link is followed
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			switch hidden := strings.HasPrefix(entry.Name(), ".") && name != root; {
			case err != nil:
				return err
			case hidden && entry.IsDir():
				return fs.SkipDir
			case !hidden && entry.Type().IsRegular():
				all = append(all, name)
			}
			return nil
		})
		if err != nil {
			return nil, fault.New(fault.Invalid, "list %s: %w", path, err)
		}
		if len(all) == found {
			return nil, fault.New(fault.NotFound, "%s: there are no files in it", path)
		}
	}
	return all, nil
}

// captured tells what of a capture of packets could not be read, and what else is to be said of it.
func (s *shell) captured(path string, a api.IngestAnswer) {
	for _, e := range a.Errors[:min(len(a.Errors), shownErrors)] {
		s.say("tocsin: %s: packet %d: %s", clean(path), e.Line, clean(e.Reason))
	}
	if a.Rejected > 0 {
		var words []string
		for _, why := range slices.Sorted(maps.Keys(a.Reasons)) {
			words = append(words, fmt.Sprintf("%s %d", clean(why), a.Reasons[why]))
		}
		s.say("tocsin: %s: not read, or not as it was sent: %s", clean(path), strings.Join(words, ", "))
	}
	for _, note := range a.Notes {
		s.say("tocsin: %s: %s", clean(path), clean(note))
	}
}
