package app

import (
	"os"
	"strings"
	"testing"
)

// What cannot be written leaves the state as it was, is told once for each cause, and is tried again.
func TestStateThatCannotBeSaved(t *testing.T) {
	s := newSaving(t)
	s.judge()
	s.covers(9)
	s.again()
	one := s.stands()
	s.judge()
	for device, cause := range map[string]string{"/dev/full": "no space left", "/dev/null": "invalid argument"} { // which takes all, but cannot be synced
		s.log.Reset()
		for range 2 {
			if err := os.Symlink(device, s.file+".new"); err != nil {
				t.Fatal(err)
			}
			s.again()
		}
		if !strings.Contains(s.problem(), cause) || strings.Count(s.log.String(), cause) != 1 {
			t.Errorf("%s: the problem is %q, the log says\n%s", device, s.problem(), s.log.String())
		}
		if s.stands() != one || s.files() != "detect-log.state" {
			t.Errorf("%s: the state stands %s, want %s; files %s", device, s.stands(), one, s.files())
		}
	}
	s.again()
	if two := s.stands(); two == one || s.problem() != "" {
		t.Errorf("with a disk that works again the state stands %s, and the problem is %q", two, s.problem())
	}
	if err := os.Symlink("/dev/full", s.file+".new"); err != nil {
		t.Fatal(err)
	}
	if err := s.finish(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("finish on a full disk: got %v", err)
	}
}
