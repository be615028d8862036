package cli

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tocsin/internal/fault"
)

// facesCommand manages the names by which the program is another one.
func (s *shell) facesCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "faces", Short: "Put the names of the programs that tocsin takes the place of where scripts call them",
		Long: `tocsin takes the place of other programs: called by the name of one of their commands it is that command. faces install makes all
these names in a directory, such as the one that old scripts name.`,
		Example: "  tocsin faces install /opt/flowtraq/cmdline\n  tocsin faces list /opt/flowtraq/cmdline\n  tocsin faces remove /opt/flowtraq/cmdline",
	}, s.facesInstall(), s.facesList(), s.facesRemove())
}

func (s *shell) facesInstall() *cobra.Command {
	var copies bool
	c := &cobra.Command{
		Use: "install DIR", Short: "Make all names in a directory", Args: cobra.ExactArgs(1),
		Long: `Makes a link to this program for each name in a directory, and the directory when it is missing. What is there already and is not
tocsin is left alone; then nothing is made. Links and copies of tocsin are made anew.`,
		Example: "  tocsin faces install /opt/flowtraq/cmdline\n  tocsin faces install --copy /mnt/share/cmdline",
	}
	c.Flags().BoolVar(&copies, "copy", false, "make copies, where links cannot be; make them again after each update of tocsin")
	c.RunE = s.run(func(_ context.Context, args []string) error {
		program, err := os.Executable()
		if err != nil {
			return err
		}
		places, err := s.facePlaces(args[0])
		if err != nil {
			return err
		}
		if err := errors.Join(foreign(places)...); err != nil {
			return refused(err)
		}
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return err
		}
		first := ""
		for _, p := range places {
			if err := p.make(program, copies, first); err != nil {
				return err
			}
			first = cmp.Or(first, p.path)
			if _, err := fmt.Fprintln(s.Out, clean(p.path)); err != nil {
				return err
			}
		}
		return nil
	})
	return c
}

func (s *shell) facesList() *cobra.Command {
	c := &cobra.Command{
		Use: "list [DIR]", Short: "List the names, and what is there in a directory", Args: cobra.MaximumNArgs(1),
		Example: "  tocsin faces list\n  tocsin faces list /opt/flowtraq/cmdline",
	}
	c.RunE = s.run(func(_ context.Context, args []string) error {
		if len(args) == 0 {
			out := s.sheet(column{name: "name"}, column{name: "what"})
			for _, f := range s.Faces {
				if err := out.add(map[string]string{"name": f.Name, "what": f.Short}, f.Name, f.Short); err != nil {
					return err
				}
			}
			return out.end()
		}
		places, err := s.facePlaces(args[0])
		if err != nil {
			return err
		}
		out := s.sheet(column{name: "name"}, column{name: "is"}, column{name: "of"})
		for _, p := range places {
			if err := out.add(map[string]string{"name": p.name, "is": string(p.is), "of": p.target}, p.name, string(p.is), p.target); err != nil {
				return err
			}
		}
		return out.end()
	})
	return c
}

func (s *shell) facesRemove() *cobra.Command {
	c := &cobra.Command{
		Use: "remove DIR", Short: "Remove the names from a directory", Args: cobra.ExactArgs(1),
		Long:    "Removes the links to tocsin and the copies of it that have one of the names. What is not tocsin is left alone.",
		Example: "  tocsin faces remove /opt/flowtraq/cmdline",
	}
	c.RunE = s.run(func(_ context.Context, args []string) error {
		places, err := s.facePlaces(args[0])
		if err != nil {
			return err
		}
		removed := 0
		for _, p := range places {
			if p.is != faceLink && p.is != faceCopy {
				continue
			}
			if err := os.Remove(p.path); err != nil {
				return err
			}
			removed++
			if _, err := fmt.Fprintln(s.Out, clean(p.path)); err != nil {
				return err
			}
		}
		for _, err := range foreign(places) {
			s.say("tocsin: %s", printable(err.Error()))
		}
		if removed == 0 {
			return s.nothing("names in " + printable(args[0]))
		}
		return nil
	})
	return c
}

// What stands at the place of a name.
type faceState string

const (
	faceNone  faceState = "missing"
	faceLink  faceState = "link"  // to a tocsin
	faceCopy  faceState = "copy"  // of a tocsin
	faceOther faceState = "other" // and none of our business
)

// A facePlace is the place of one name in a directory.
type facePlace struct {
	name, path string
	is         faceState
	target     string // of a link
}

// facePlaces looks at the place of every name in a directory, which need not be there.
func (s *shell) facePlaces(dir string) ([]facePlace, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	var places []facePlace
	for _, f := range s.Faces {
		p := facePlace{name: f.Name, path: filepath.Join(dir, f.Name+suffix)}
		if err := p.look(program); err != nil {
			return nil, err
		}
		places = append(places, p)
	}
	return places, nil
}

// look finds out what stands there.
func (p *facePlace) look(program string) error {
	info, err := os.Lstat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.is = faceNone
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		if p.target, err = os.Readlink(p.path); err != nil {
			return err
		}
		p.is = faceOther
		there, err := os.Stat(p.path)
		gone := errors.Is(err, fs.ErrNotExist) && filepath.Base(p.target) == filepath.Base(program) // it was moved away
		if gone || err == nil && isTocsin(p.path, there, program) {
			p.is = faceLink
		}
		return nil
	}
	p.is = faceOther
	if isTocsin(p.path, info, program) {
		p.is = faceCopy
	}
	return nil
}

// isTocsin reports whether a file is this program, or one of another version of it, which is told by what its build left in it.
func isTocsin(path string, info fs.FileInfo, program string) bool {
	if self, err := os.Stat(program); err == nil && os.SameFile(info, self) {
		return true
	}
	own, ok := debug.ReadBuildInfo()
	if !ok || !info.Mode().IsRegular() {
		return false
	}
	built, err := buildinfo.ReadFile(path)
	return err == nil && built.Path == own.Path && built.Main.Path == own.Main.Path
}

// foreign lists the places that others have.
func foreign(places []facePlace) (errs []error) {
	for _, p := range places {
		if p.is == faceOther {
			errs = append(errs, fault.New(fault.Conflict, "%s is there and is not tocsin's (move it away)", p.path))
		}
	}
	return errs
}

// make puts a link or a copy there, in the place of what is tocsin's. There is a first copy, of which the others are further names where
// the file system has such: two dozen copies are a gigabyte otherwise.
func (p *facePlace) make(program string, copies bool, first string) error {
	fresh := filepath.Join(filepath.Dir(p.path), "."+p.name+".tocsin")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // what a killed one left
	}
	var err error
	if copies {
		if first == "" || os.Link(first, fresh) != nil {
			err = copyProgram(program, fresh)
		}
	} else if err = os.Symlink(program, fresh); err != nil {
		err = fmt.Errorf("%w (--copy makes copies instead)", err)
	}
	if err == nil {
		err = os.Rename(fresh, p.path)
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", p.path, err)
	}
	return nil
}

func copyProgram(program, into string) (err error) {
	from, err := os.Open(program)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // read only
	to, err := os.OpenFile(into, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err = io.Copy(to, from); err == nil {
		err = to.Sync()
	}
	if err := errors.Join(err, to.Close()); err != nil {
		return errors.Join(err, os.Remove(into))
	}
	return nil
}
