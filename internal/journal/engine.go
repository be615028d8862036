package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/internal/fault"
)

const (
	// storeName is the folder inside of the journal's directory that belongs to the engine.
	storeName = "nats"
	// maxPayload is the largest message of the server inside this process; outside it is the server's own limit.
	maxPayload = 8 << 20
	// slack is what headers and subject may add to a message.
	slack = 4 << 10
	// apiTimeout bounds one request to the engine that is not a publish.
	apiTimeout = 5 * time.Second
	// healthTimeout bounds a look at the server's health, which takes locks that a hanging disk may hold.
	healthTimeout = 2 * time.Second
	// startTimeout bounds the start of the server, which reads all blocks after an unclean end.
	startTimeout = 2 * time.Minute
)

// An engine is the NATS server that keeps the streams, inside this process or at a URL, and the connection to it.
type engine struct {
	dir string // store of the inside server
	url string
	log *slog.Logger

	// mu is held for reading while a publish is under way and for writing while the server is changed.
	mu  sync.RWMutex
	srv *server.Server // nil with a URL
	nc  *nats.Conn
	js  jetstream.JetStream
	// incarnation counts the starts of the inside server.
	incarnation int
}

func openEngine(o *Options) (*engine, error) {
	e := &engine{dir: filepath.Join(o.Dir, storeName), url: o.URL, log: o.Log}
	if err := e.start(); err != nil {
		return nil, err
	}
	return e, nil
}

// inside reports whether the server runs in this process.
func (e *engine) inside() bool { return e.url == "" }

// start begins a server, or connects to one. The caller holds mu or is alone.
func (e *engine) start() error {
	opts := []nats.Option{nats.Name("tocsin journal"), nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond), nats.Timeout(apiTimeout)}
	if e.inside() {
		srv, err := startServer(e.dir, e.log)
		if err != nil {
			return err
		}
		e.srv = srv
		opts = append(opts, nats.InProcessServer(srv))
	}
	nc, err := nats.Connect(e.url, opts...)
	if err == nil {
		e.js, err = jetstream.New(nc, jetstream.WithPublishAsyncTimeout(30*time.Second))
	}
	if err != nil {
		if nc != nil {
			nc.Close()
		}
		e.stop()
		return fault.New(fault.Unavailable, "connect to the journal's engine: %w", err)
	}
	e.nc = nc
	e.incarnation++
	return nil
}

// startServer begins a server that speaks to this process alone.
func startServer(dir string, log *slog.Logger) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName:         "tocsin",
		DontListen:         true,
		NoSigs:             true,
		NoSystemAccount:    true,
		JetStream:          true,
		StoreDir:           dir,
		SyncAlways:         true,
		MaxPayload:         maxPayload,
		JetStreamMaxStore:  1 << 60, // the streams have limits of their own, and the disk is watched
		JetStreamMaxMemory: 64 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the journal's engine: %w", err)
	}
	srv.SetLoggerV2(&engineLog{log: log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(startTimeout) || !srv.JetStreamEnabled() {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("start the journal's engine in %s: not ready within %v, see the messages before this one", dir, startTimeout)
	}
	return srv, nil
}

// stop ends connection and server. The caller holds mu or is alone.
func (e *engine) stop() {
	if e.nc != nil {
		e.nc.Close()
		e.nc = nil
	}
	if e.srv != nil {
		e.srv.Shutdown()
		e.srv.WaitForShutdown()
		e.srv = nil
	}
}

func (e *engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stop()
}

// count returns the incarnation of the engine.
func (e *engine) count() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.incarnation
}

// stream returns the handle of a stream in the engine as it runs now.
func (e *engine) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	e.mu.RLock()
	js := e.js
	e.mu.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	return js.Stream(ctx, name)
}

// maxMessage returns how long a message may be.
func (e *engine) maxMessage() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.nc == nil {
		return maxPayload - slack
	}
	return min(maxPayload, int(e.nc.MaxPayload())-slack)
}

// health asks the inside server how a stream is; an error says what is wrong with it. An outside server is not asked:
// whoever runs it watches it.
func (e *engine) health(stream string) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return healthOf(e.srv, stream)
}

func healthOf(srv *server.Server, stream string) error {
	if srv == nil {
		return nil
	}
	answer := make(chan *server.HealthStatus, 1)
	go func() {
		answer <- srv.Healthz(&server.HealthzOptions{Account: server.DEFAULT_GLOBAL_ACCOUNT, Stream: stream})
	}()
	timer := time.NewTimer(healthTimeout)
	defer timer.Stop()
	select {
	case h := <-answer:
		if h.StatusCode != http.StatusOK {
			return fmt.Errorf("engine is %s: %s", h.Status, h.Error)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("engine gave no account of its health in %v", healthTimeout)
	}
}

// streamConfig is how every stream of the journal is made. The limit refuses what is new and never drops what is there.
func streamConfig(name, subject string, maxBytes int64, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              name,
		Subjects:          []string{subject},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew,
		Storage:           jetstream.FileStorage,
		Replicas:          replicas,
		MaxBytes:          maxBytes,
		MaxMsgs:           -1,
		MaxConsumers:      -1,
		MaxMsgSize:        -1,
		MaxMsgsPerSubject: -1,
		Duplicates:        2 * time.Minute,
		Description:       "journal of tocsin",
	}
}

// streamFolder returns the folder in which the inside server keeps a stream.
func (e *engine) streamFolder(name string) string {
	return filepath.Join(e.dir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams", name)
}

// errorCode returns the number by which the engine knows an error, 0 for errors that are not its own.
func errorCode(err error) int {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return int(api.ErrorCode)
	}
	return 0
}

// Numbers of engine errors (nats-server, server/errors.json).
const (
	codeNoStream      = 10059
	codeNoMessage     = 10037
	codeMaxBytes      = 10077 // stream store failed: maximum bytes exceeded, among others
	codeNoResources   = 10023
	codeNoStorage     = 10047
	codeWrongLast     = 10071
	codeWrongLastRepl = 10164
)

// engineLog hands the server's messages on. Fatal ones do not end the process: the journal finds out and says so.
type engineLog struct{ log *slog.Logger }

func (l *engineLog) say(level slog.Level, format string, args []any) {
	l.log.Log(context.Background(), level, "journal engine", "text", fmt.Sprintf(format, args...))
}

// Noticef and its like implement server.LoggerV2.
func (l *engineLog) Noticef(format string, args ...any) { l.say(slog.LevelDebug, format, args) }

// Warnf takes a warning.
func (l *engineLog) Warnf(format string, args ...any) { l.say(slog.LevelWarn, format, args) }

// Fatalf takes what would have ended a server of its own.
func (l *engineLog) Fatalf(format string, args ...any) { l.say(slog.LevelError, format, args) }

// Errorf takes an error.
func (l *engineLog) Errorf(format string, args ...any) { l.say(slog.LevelError, format, args) }

// Debugf is never called, debugging being off.
func (l *engineLog) Debugf(format string, args ...any) { l.say(slog.LevelDebug, format, args) }

// Tracef is never called, tracing being off.
func (l *engineLog) Tracef(format string, args ...any) { l.say(slog.LevelDebug, format, args) }
