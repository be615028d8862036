package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A terminal is a pseudo-terminal and the program that runs at it.
type terminal struct {
	t     *testing.T
	side  *os.File // where the person sits
	shown *transcript
	ended chan error
}

// atTerminal starts a command whose standard input, output and error are a terminal of its own.
func atTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	var number uint32
	var unlocked int32
	control := func(request uintptr, into unsafe.Pointer) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(into)); errno != 0 {
			t.Fatalf("ioctl %#x: %v", request, errno)
		}
	}
	control(syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close() // the command has its own
	term := &terminal{t: t, side: person, shown: &transcript{}, ended: make(chan error, 1)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := person.Read(buf)
			_, _ = term.shown.Write(buf[:n])
			if err != nil { // EIO once nobody is at the other side
				break
			}
		}
		term.ended <- cmd.Wait()
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return term
}

// answer waits until a question is shown, and types.
func (p *terminal) answer(question, typed string) {
	p.t.Helper()
	if _, ok := p.shown.await(regexp.QuoteMeta(question)); !ok {
		p.t.Fatalf("the terminal does not show %q:\n%s", question, p.shown)
	}
	if _, err := p.side.WriteString(typed); err != nil {
		p.t.Fatal(err)
	}
}

// end returns all that was shown, and the error with which the command ended.
func (p *terminal) end() (string, error) {
	p.t.Helper()
	select {
	case err := <-p.ended:
		return p.shown.String(), err
	case <-time.After(60 * time.Second):
		p.t.Fatalf("the command at the terminal does not end:\n%s", p.shown)
		return "", nil
	}
}
