package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// A receiver notes when notices about which probe arrived. It is a mail server or a syslog collector on this machine.
type receiver struct {
	listener net.Listener
	mu       sync.Mutex
	at       map[string]time.Time // by address of the probe, the first time
	notices  int
}

// serve listens on any port of this machine and answers each connection.
func serve(ctx context.Context, answer func(*receiver, net.Conn) error) (*receiver, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{listener: l, at: map[string]time.Time{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer c.Close()
				_ = answer(r, c) // the peer goes when it likes
			}()
		}
	}()
	return r, nil
}

func (r *receiver) port() string {
	_, port, _ := net.SplitHostPort(r.listener.Addr().String())
	return port
}

// got notes a notice that names a probe.
func (r *receiver) got(text string) {
	now := time.Now()
	from := strings.Index(text, probeNet)
	if from < 0 {
		return
	}
	probe := text[from:]
	if to := strings.IndexFunc(probe, func(c rune) bool { return c != '.' && (c < '0' || c > '9') }); to >= 0 {
		probe = probe[:to]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices++
	if _, known := r.at[probe]; !known {
		r.at[probe] = now
	}
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.at)
}

// smtp takes mail (RFC 5321) and notes it when it answers that it has it.
func smtp(r *receiver, c net.Conn) error {
	in := bufio.NewReader(c)
	say := func(line string) error {
		_, err := io.WriteString(c, line+"\r\n")
		return err
	}
	if err := say("220 bench"); err != nil {
		return err
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		answer := "250 OK"
		switch verb {
		case "DATA":
			if err := say("354 go on"); err != nil {
				return err
			}
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return err
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			r.got(text.String())
		case "QUIT":
			return say("221 bye")
		}
		if err := say(answer); err != nil {
			return err
		}
	}
}

// collector takes syslog over TCP, in either framing (RFC 6587): the probe stands in the message, a frame a read or more.
func collector(r *receiver, c net.Conn) error {
	in := bufio.NewReader(c)
	for {
		frame, err := readFrame(in)
		if err != nil {
			return err
		}
		r.got(frame)
	}
}

func readFrame(in *bufio.Reader) (string, error) {
	first, err := in.Peek(1)
	if err != nil {
		return "", err
	}
	if first[0] == '<' {
		return in.ReadString('\n')
	}
	head, err := in.ReadString(' ')
	if err != nil {
		return "", err
	}
	n := 0
	for _, c := range strings.TrimSpace(head) {
		if c < '0' || c > '9' || n > 1<<20 {
			return "", errors.New("no frame of syslog")
		}
		n = 10*n + int(c-'0')
	}
	frame := make([]byte, n)
	_, err = io.ReadFull(in, frame)
	return string(frame), err
}
