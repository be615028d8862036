package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// buildServer builds the real server out of the module cache; nothing is fetched.
func buildServer(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("building nats-server takes long")
	}
	path := filepath.Join(t.TempDir(), "nats-server")
	cmd := exec.Command("go", "build", "-o", path, "github.com/nats-io/nats-server/v2")
	cmd.Env = append(os.Environ(), "GOPROXY=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build nats-server: %v\n%s", err, out)
	}
	return path
}

// A natsServer is a server process that can be killed and started again on the same port and files.
type natsServer struct {
	bin, config string
	port        int
	cmd         *exec.Cmd
}

// freePorts finds n ports, each another one, that were free a moment ago. They lie below those that the system gives to who asks
// for any (32768 and up on Linux, 49152 elsewhere), so that nobody gets one while its server is away.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range 1000 {
		port := 20000 + rand.IntN(10000)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			defer l.Close() // held until the others are found
			if ports = append(ports, port); len(ports) == n {
				return ports
			}
		}
	}
	t.Fatalf("%d ports are free, want %d", len(ports), n)
	return nil
}

func newServer(t *testing.T, bin, name string, port int, more string) *natsServer {
	t.Helper()
	dir := t.TempDir()
	s := &natsServer{bin: bin, port: port, config: filepath.Join(dir, "nats.conf")}
	text := fmt.Sprintf("server_name: %s\nlisten: 127.0.0.1:%d\nmax_payload: 8MB\njetstream { store_dir: %q, sync_interval: always, max_file_store: 20GB }\n%s\n",
		name, s.port, filepath.Join(dir, "store"), more)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

// start runs the server and waits until it is ready.
func (s *natsServer) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(s.bin, "-c", s.config)
	log, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	var text strings.Builder
	go func() {
		lines := bufio.NewScanner(log)
		seen := false
		for lines.Scan() {
			if !seen {
				text.WriteString(lines.Text() + "\n")
			}
			if !seen && strings.Contains(lines.Text(), "Server is ready") {
				seen = true
				close(ready)
			}
		}
		if !seen {
			close(ready)
		}
	}()
	select {
	case <-ready:
	case <-time.After(30 * time.Second):
		t.Fatal("nats-server is not ready after 30 s")
	}
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port)); err != nil {
		t.Fatalf("nats-server: %v\n%s", err, text.String())
	} else {
		c.Close()
	}
}

// kill ends the server the hard way.
func (s *natsServer) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *natsServer) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.port) }

func TestOutside(t *testing.T) {
	bin := buildServer(t)
	// Each test has a server of its own: a new directory takes over the streams of its node.
	for name, run := range map[string]func(t *testing.T, url string){
		"suite":       nil,
		"kill client": func(t *testing.T, url string) { killAtRandom(t, url, 5) },
	} {
		if run == nil {
			suiteWith(t, func(t *testing.T) string {
				s := newServer(t, bin, "one", freePorts(t, 1)[0], "")
				s.start(t)
				return s.url()
			})
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := newServer(t, bin, "one", freePorts(t, 1)[0], "")
			s.start(t)
			run(t, s.url())
		})
	}
	t.Run("kill server", func(t *testing.T) {
		s := newServer(t, bin, "one", freePorts(t, 1)[0], "")
		s.start(t)
		killServers(t, s.url(), 1, func(n int) {
			s.kill()
			s.start(t)
		})
	})
	t.Run("server away at start", func(t *testing.T) {
		o := testOptions(t, t.TempDir())
		o.URL = fmt.Sprintf("nats://127.0.0.1:%d", freePorts(t, 1)[0])
		if j, err := Open(t.Context(), o); !errors.Is(err, fault.Unavailable) {
			t.Errorf("Open without a server: %v, %v", j, err)
		}
	})
	t.Run("outage", func(t *testing.T) {
		s := newServer(t, bin, "one", freePorts(t, 1)[0], "")
		s.start(t)
		serverAway(t, s)
	})
	t.Run("two writers", func(t *testing.T) {
		s := newServer(t, bin, "one", freePorts(t, 1)[0], "")
		s.start(t)
		twoWriters(t, s.url())
	})
	t.Run("cluster", func(t *testing.T) {
		free := freePorts(t, 6)
		ports, clients := free[:3], free[3:]
		var all []*natsServer
		var urls []string
		for i := range ports {
			s := newServer(t, bin, fmt.Sprintf("n%d", i), clients[i], fmt.Sprintf("cluster { name: c, listen: 127.0.0.1:%d, routes: [nats://127.0.0.1:%d, nats://127.0.0.1:%d] }",
				ports[i], ports[(i+1)%3], ports[(i+2)%3]))
			all, urls = append(all, s), append(urls, s.url())
		}
		for _, s := range all {
			s.start(t)
		}
		killServers(t, strings.Join(urls, ","), 3, func(n int) {
			s := all[n%3]
			s.kill()
			s.start(t)
		})
	})
}

// killServers appends with several writers while the servers are killed, and compares.
func killServers(t *testing.T, url string, replicas int, kill func(n int)) {
	o := testOptions(t, t.TempDir())
	o.URL, o.Replicas = url, replicas
	var j *Journal
	for deadline := time.Now().Add(time.Minute); j == nil; { // a new cluster has to find a leader first
		var err error
		if j, err = Open(t.Context(), o); err != nil && time.Now().After(deadline) {
			t.Fatalf("Open: %v", err)
		}
	}
	defer j.Close()
	live := reader(t, j, event.Position{}, 0)
	defer live.Close()
	stop := make(chan struct{})
	var writers sync.WaitGroup
	var mu sync.Mutex
	acked := map[string]Place{}
	more := make(chan struct{}, 1<<16)
	for w := range 3 {
		writers.Go(func() {
			name := fmt.Sprintf("w%d", w)
			for n := 0; ; {
				select {
				case <-stop:
					return
				default:
				}
				p, err := j.Append(context.Background(), batchOf(event.Log, 20, name, n))
				if errors.Is(err, fault.Unavailable) && !errors.Is(err, ErrUnknown) {
					continue // surely not stored
				}
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				mu.Lock()
				acked[fmt.Sprintf("%s %d", name, n)] = p
				mu.Unlock()
				more <- struct{}{}
				n++
			}
		})
	}
	for n := range 3 {
		for range 100 {
			<-more
		}
		kill(n)
	}
	for range 100 {
		<-more
	}
	close(stop)
	writers.Wait()
	j.Seal()
	fromStream := reader(t, j, event.Position{}, 0)
	got := readAll(t, live)
	equal(t, "from the stream", readAll(t, fromStream), got)
	found := map[string]bool{}
	for _, name := range got {
		found[name] = true
	}
	if len(got) != len(acked) || len(found) != len(got) {
		t.Errorf("%d batches acknowledged, %d found, %d of them different", len(acked), len(got), len(found))
	}
	for name := range acked {
		if !found[name] {
			t.Errorf("%s was acknowledged and is missing", name)
		}
	}
	for w, list := range byWriter(got) {
		equal(t, w, list, want(w, 0, len(list)))
	}
	if l := j.Losses(); len(l) != 0 {
		t.Errorf("losses: %+v", l)
	}
	t.Logf("%d batches, retries and all", len(got))
}

// serverAway appends while the server is gone: who gives up does not know, new batches are refused after a while, and once
// the server is back everything is there once.
func serverAway(t *testing.T, s *natsServer) {
	o := testOptions(t, t.TempDir())
	o.URL = s.url()
	j := opened(t, o)
	appendOne(t, j, batchOf(event.Log, 1, "o", 0))
	s.kill()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for deadline := time.Now().Add(time.Minute); !j.writing() && time.Now().Before(deadline); <-time.After(time.Millisecond) {
		}
		cancel()
	}()
	if _, err := j.Append(ctx, batchOf(event.Log, 1, "o", 1)); !errors.Is(err, ErrUnknown) || !errors.Is(err, fault.Unavailable) {
		t.Fatalf("Append without a server: %v", err)
	}
	refused := false
	for deadline := time.Now().Add(time.Minute); !refused && time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := j.Append(ctx, batchOf(event.Log, 1, "withdrawn", 0))
		cancel()
		if errors.Is(err, ErrUnknown) || !errors.Is(err, fault.Unavailable) {
			t.Fatalf("Append behind a batch that is on its way: %v", err)
		}
		refused = strings.Contains(err.Error(), "has not answered")
	}
	if !refused || j.Health().Refusing == "" {
		t.Errorf("batches are not refused although the server is away: %q", j.Health().Refusing)
	}
	s.start(t)
	soon(t, j, batchOf(event.Log, 1, "o", 2))
	r := reader(t, j, event.Position{}, 0)
	j.Seal()
	equal(t, "after the outage", readAll(t, r), want("o", 0, 3))
}

// writing reports whether a group is on its way to the engine.
func (j *Journal) writing() bool {
	for _, l := range j.lanes {
		l.mu.Lock()
		busy := l.busy
		l.mu.Unlock()
		if busy {
			return true
		}
	}
	return false
}

// twoWriters opens the same node twice: the second one takes the streams over, the first one finds out and stops.
func twoWriters(t *testing.T, url string) {
	o := testOptions(t, t.TempDir())
	o.URL = url
	first := opened(t, o)
	appendOne(t, first, batchOf(event.Log, 1, "a", 0))
	o2 := o
	o2.Dir = t.TempDir()
	if err := os.CopyFS(o2.Dir, os.DirFS(o.Dir)); err != nil {
		t.Fatal(err)
	}
	second := opened(t, o2)
	appendOne(t, second, batchOf(event.Log, 1, "b", 0))
	if _, err := first.Append(t.Context(), batchOf(event.Log, 1, "a", 1)); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "did not write") {
		t.Errorf("Append of a node that was taken over: %v", err)
	}
}
