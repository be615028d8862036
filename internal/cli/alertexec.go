package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// leftover is how long the output of a program may be held open by what it left running.
const leftover = time.Second

// run runs the program for one change. When tocsin is told to end meanwhile, the program may finish within its limit, so that
// the change is not told twice.
func (f *follower) run(ctx context.Context, c *api.AlertChange) error {
	var input bytes.Buffer
	if err := writeJSON(&input, c); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.flags.limit)
	defer cancel()
	cmd := exec.CommandContext(limited, f.flags.exec, f.args...) //nolint:gosec // that is what it is for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &input, f.shell.Out, f.shell.Err
	cmd.Env = append(openly(os.Environ()), changeEnvironment(c)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = leftover
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // it ended well, and what it left running holds its output
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // they may be gone by now
		err = nil
	}
	at := fmt.Sprintf("run %s for change %d (alert %d)", f.flags.exec, c.Change, c.Alert.ID)
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return nil
	case limited.Err() != nil:
		return fmt.Errorf("%s: killed, as it did not end within %s (--exec-limit)", at, f.flags.limit)
	case ended && exit.Exited():
		return fmt.Errorf("%s: exit code %d", at, exit.ExitCode())
	default:
		return fmt.Errorf("%s: %w", at, err)
	}
}

// openly leaves out of an environment what a program that is run for an alert has no need to know.
func openly(environ []string) []string {
	return slices.DeleteFunc(environ, func(entry string) bool {
		return strings.HasPrefix(entry, "TOCSIN_TOKEN=") || strings.HasPrefix(entry, "TOCSIN_PASSWORD=")
	})
}

// maxVariable bounds one text in the environment of a program, in bytes.
const maxVariable = 32 << 10

// changeEnvironment tells a program of a change, with the names that commands of channels find (notifier/command).
func changeEnvironment(c *api.AlertChange) (env []string) {
	a := &c.Alert
	change := "UPDATE"
	switch {
	case a.State == alert.Ended:
		change = "END"
	case a.Change == a.Born:
		change = "CREATE"
	}
	float := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	for _, v := range [][2]string{
		{"CHANGE", change},
		{"CHANGE_ID", strconv.FormatInt(c.Change, 10)},
		{"ALERT_ID", strconv.FormatInt(a.ID, 10)},
		{"RULE", a.RuleName},
		{"OWNER", a.Owner},
		{"TITLE", a.Title},
		{"SEVERITY", a.Severity.String()},
		{"STATE", string(a.State)},
		{"ENTITY", a.Entity.String()},
		{"REASON", a.Reason},
		{"TRIGGERS", strconv.FormatInt(a.Triggers, 10)},
		{"VALUE", float(a.Value)},
		{"LIMIT", float(a.Limit)},
		{"FIRST", moment(a.First)},
		{"LAST", moment(a.Last)},
		{"ENDED_AT", moment(a.EndedAt)},
	} {
		value := strings.ReplaceAll(strings.ToValidUTF8(v[1], "\uFFFD"), "\x00", "\uFFFD")
		env = append(env, "TOCSIN_"+v[0]+"="+strings.ToValidUTF8(value[:min(len(value), maxVariable)], ""))
	}
	return env
}
