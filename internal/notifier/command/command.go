// Package command sends notices by running a program: it gets the notice as JSON on its standard input, and the most used
// parts of it in its environment.
package command

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

const (
	maxOutput  = 64 << 10 // bytes of output kept
	maxVar     = 4 << 10  // bytes of one environment variable
	maxTimeout = time.Minute
	// leftover is how long output is read from children that the program left behind.
	leftover = time.Second
)

// Config is what an operator writes.
type Config struct {
	// Program is the absolute path of the program. It is called with CREATE, UPDATE, END or SUMMARY as its first
	// argument.
	Program string `yaml:"program"`
	// Args are the arguments behind that. Default none.
	Args []string `yaml:"args"`
	// Dir is the directory that the program runs in, as an absolute path. Default /.
	Dir string `yaml:"dir"`
	// Timeout is how long it may run before it is killed with all that it started; 100ms to 1m. Default 30s.
	Timeout time.Duration `yaml:"timeout"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config { return &Config{Dir: "/", Timeout: 30 * time.Second} }

// Validate reports every mistake.
func (c *Config) Validate() error {
	var mistakes []error
	wrong := func(key string, got any, want string) { mistakes = append(mistakes, document.At(key, got, want)) }
	if !filepath.IsAbs(c.Program) || strings.ContainsRune(c.Program, 0) {
		wrong("program", c.Program, "an absolute path")
	}
	if !filepath.IsAbs(c.Dir) || strings.ContainsRune(c.Dir, 0) {
		wrong("dir", c.Dir, "an absolute path")
	}
	for _, arg := range c.Args {
		if strings.ContainsRune(arg, 0) {
			wrong("args", arg, "text without NUL")
		}
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > maxTimeout {
		wrong("timeout", c.Timeout, "100ms to 1m")
	}
	return errors.Join(mistakes...)
}

// New returns the notifier; nothing is run.
func (c *Config) New() (notifier.Notifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	own := *c
	own.Args = slices.Clone(c.Args)
	return &runner{config: own}, nil
}

type runner struct{ config Config }

// Send runs the program once. Its exit code is the answer's first word: 0 says that the notice is delivered, any other
// that it is to be tried again.
func (r *runner) Send(ctx context.Context, n notifier.Notice) (string, error) {
	input, err := json.Marshal(n)
	if err != nil {
		return "", fmt.Errorf("encode notice %s: %w: %w", n.Key, notifier.ErrPermanent, err)
	}
	limited, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	output := &tail{}
	cmd := exec.CommandContext(limited, r.config.Program, slices.Concat([]string{string(n.Change)}, r.config.Args)...) //nolint:gosec // that is what it is for
	cmd.Dir, cmd.Env = r.config.Dir, environment(n)
	cmd.Stdin = strings.NewReader(string(input) + "\n")
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = leftover
	if err := cmd.Start(); err != nil {
		return "", r.notStarted(err)
	}
	err = cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		// It has ended well and left children that hold its output. They are in its group, whose number is not used again
		// while it has members.
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // they may be gone by now
		err = nil
	}
	return r.judge(ctx, limited, cmd.ProcessState, output, err)
}

func (r *runner) notStarted(err error) error {
	if dir, dirErr := os.Stat(r.config.Dir); dirErr != nil || !dir.IsDir() {
		return fmt.Errorf("run %s: %w: there is no directory %s to run it in", r.config.Program, notifier.ErrPermanent, r.config.Dir)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("run %s: %w: there is no such program, or its interpreter is missing", r.config.Program, notifier.ErrPermanent)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("run %s: %w: it may not be executed (chmod +x)", r.config.Program, notifier.ErrPermanent)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("run %s: %w: it is no program (a script needs a first line such as #!/bin/sh)", r.config.Program, notifier.ErrPermanent)
	}
	return fmt.Errorf("run %s: %w", r.config.Program, err)
}

func (r *runner) judge(ctx, limited context.Context, state *os.ProcessState, output *tail, err error) (string, error) {
	said := output.line()
	switch {
	case state != nil && state.Exited():
		answer := fmt.Sprintf("exit %d", state.ExitCode())
		if said != "" {
			answer += ": " + said
		}
		if state.ExitCode() == 0 {
			return answer, nil
		}
		return answer, fmt.Errorf("run %s: it failed", r.config.Program)
	case ctx.Err() != nil:
		return said, fmt.Errorf("run %s: stopped: %w", r.config.Program, context.Cause(ctx))
	case limited.Err() != nil:
		return said, fmt.Errorf("run %s: killed, as it did not end within %v", r.config.Program, r.config.Timeout)
	}
	return said, fmt.Errorf("run %s: %w", r.config.Program, err)
}

// Preview implements notifier.Previewer: it shows the arguments, and what the program reads.
func (r *runner) Preview(n notifier.Notice) notifier.Preview {
	body, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return notifier.Preview{Problem: err.Error()}
	}
	return notifier.Preview{Subject: strings.Join(append([]string{r.config.Program, string(n.Change)}, r.config.Args...), " "), Text: string(body) + "\n"}
}
