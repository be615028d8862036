package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A measurement is what the operating system accounts for one finished process.
type measurement struct {
	wall, cpu time.Duration
	peak      int64 // bytes
}

// measure runs a command. Its exit code may be 1, which says that nothing was found.
func measure(args []string) (measurement, error) { return measureIn("", nil, args) }

// measureIn runs a command in dir, the working directory when empty, with more environment.
func measureIn(dir string, environ, args []string) (measurement, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 && bytes.Contains(said.Bytes(), []byte("tocsin: no ")) {
		err = nil
	}
	if err != nil {
		return measurement{}, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, said.Bytes())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return measurement{
		wall: time.Since(began),
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peak: usage.Maxrss << 10, // Linux counts in KiB
	}, nil
}

func (m measurement) print(out io.Writer, name string, lines int, limit string) {
	n := float64(lines)
	fmt.Fprintf(out, "%s\t%.2f\t%.2f\t%.0f\t%.3f\t%.0f\t%s\n", name, m.wall.Seconds(), m.cpu.Seconds(),
		n/m.wall.Seconds(), m.cpu.Seconds()/n*1e6, float64(m.peak)/1e6, limit)
}

func treeSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
