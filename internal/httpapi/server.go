// Package httpapi answers the API of tocsin over HTTP: on a socket in the data directory, for the owner of the process and
// for root, and over TCP, for accounts and tokens. Its client asks the same API from another process.
//
// routes.go is the whole API on one page.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// An Authenticator knows accounts and tokens. Its errors are of kind fault.Denied when what it was shown is wrong, of any
// other when it cannot tell. Its methods may run at once.
type Authenticator interface {
	Check(ctx context.Context, user, password string) (api.Identity, error)
	Token(ctx context.Context, token string) (api.Identity, error)
	// Setup makes the first administrator for who shows the token that was printed at the first start.
	Setup(ctx context.Context, token, user, password string) (api.Identity, error)
}

// An Auditor writes down who got in or left, and what was refused before the service was asked. Who it was and which way he
// came stand in ctx: api.Caller, api.Came.
type Auditor interface {
	Did(ctx context.Context, op permission.Operation, subject string)
	Refused(ctx context.Context, op permission.Operation, subject string, err error)
}

// noAuditor writes nothing down.
type noAuditor struct{}

func (noAuditor) Did(context.Context, permission.Operation, string)            {}
func (noAuditor) Refused(context.Context, permission.Operation, string, error) {}

// Options are what a Server works with. Service, Auth, Log and Registry are needed.
type Options struct {
	Service  api.Service
	Auth     Authenticator
	Log      *slog.Logger
	Registry prometheus.Registerer
	Metrics  http.Handler // answers /metrics; nil: there is none
	Audit    Auditor      // nil: nobody writes down who gets in and who does not
	Outside  Outside      // lets people in who log in at an identity provider; nil: nobody does
	Pages    http.Handler // answers the pages, called as the user who asks: api.Caller; nil: there are none

	// Origin is where people find the pages, as in https://tocsin.example.org, when a proxy hands requests on under another
	// name; empty: where they ask is where the pages are.
	Origin string

	MaxEvents int64         // bytes of one body of events, decompressed; 0 is 32 MiB
	MaxIntake int           // bodies of events that are taken in at once; 0 is 64
	DrainFor  time.Duration // how long requests may go on after the end was called; 0 is 20 s
}

// A Server answers the API and the pages.
type Server struct {
	service  api.Service
	auth     Authenticator
	outside  Outside
	log      *slog.Logger
	audit    Auditor
	pages    http.Handler
	metrics  http.Handler
	meter    *meter
	mux      *http.ServeMux
	routes   []route
	sessions *sessions
	throttle *throttle
	intake   chan struct{}
	sending  *semaphore.Weighted
	streams  streams
	stopping chan struct{} // closed when Run is to end: streams would never
	maxBody  int64
	drainFor time.Duration
	openapi  func() ([]byte, error)
	cross    *http.CrossOriginProtection
}

// New returns a server that listens nowhere yet.
func New(o Options) (*Server, error) {
	s := &Server{
		service: o.Service, auth: o.Auth, outside: o.Outside, log: o.Log, pages: o.Pages, metrics: o.Metrics,
		sessions: newSessions(), throttle: newThrottle(),
		maxBody:  orDefault(o.MaxEvents, 32<<20),
		intake:   make(chan struct{}, orDefault(o.MaxIntake, 64)),
		drainFor: orDefault(o.DrainFor, 20*time.Second),
		sending:  semaphore.NewWeighted(maxSending),
		stopping: make(chan struct{}),
		mux:      http.NewServeMux(), cross: http.NewCrossOriginProtection(),
	}
	if s.audit = o.Audit; s.audit == nil {
		s.audit = noAuditor{}
	}
	if o.Origin != "" {
		if err := s.cross.AddTrustedOrigin(o.Origin); err != nil {
			return nil, fmt.Errorf("trust the address of the page: %w", err)
		}
	}
	var err error
	if s.meter, err = newMeter(o.Registry); err != nil {
		return nil, err
	}
	s.routes = s.table()
	s.openapi = sync.OnceValues(func() ([]byte, error) { return describe(s.routes) })
	for _, r := range s.routes {
		s.mux.Handle(r.method+" "+r.path, s.guarded(r))
	}
	return s, nil
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Sessions counts the logins of an account that have not ended.
func (s *Server) Sessions(user string) int { return s.sessions.count(user, time.Now()) }

// EndSessions ends the logins of an account, and forgets the passwords that were right a moment ago. It returns how many
// logins there were.
func (s *Server) EndSessions(user string) int {
	n := s.Sessions(user)
	s.sessions.forget(user)
	return n
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	started, w := time.Now(), newResponse(rw, s.sending)
	h, pattern := s.mux.Handler(r)
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // the very value, as net/http compares it
				panic(p)
			}
			s.log.Error("request panicked", "panic", p, "path", r.URL.Path, "stack", string(debug.Stack()))
			s.fail(w, r, errPanicked)
		}
		s.meter.observe(pattern, w.status, time.Since(started))
		s.log.LogAttrs(r.Context(), slog.LevelDebug, "request answered",
			logAttrs(r), slog.Int("status", w.status), slog.Duration("took", time.Since(started)))
	}()
	secure(w.Header())
	if err := s.cross.Check(r); err != nil {
		s.fail(w, r, fault.New(fault.Denied, "request comes from another site: %w", err))
		return
	}
	if pattern == "" {
		s.nowhere(w, r, h)
		return
	}
	s.mux.ServeHTTP(w, r)
}

var errPanicked = errors.New("request panicked")

// nowhere answers requests that no route takes: 405 where another method would do, else 404.
func (s *Server) nowhere(w *response, r *http.Request, h http.Handler) {
	w.flowtraq = strings.HasPrefix(r.URL.Path, "/flowtraq/")
	seen := statusOnly{header: http.Header{}}
	h.ServeHTTP(&seen, r)
	if seen.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", seen.header.Get("Allow"))
		s.fail(w, r, &refusal{status: seen.status, kind: fault.Invalid,
			text: "method " + r.Method + " is not for " + r.URL.Path + ": want " + seen.header.Get("Allow")})
		return
	}
	s.fail(w, r, fault.New(fault.NotFound, "path %s: there is nothing here", r.URL.Path))
}

// statusOnly keeps what a handler says about itself and drops its words.
type statusOnly struct {
	header http.Header
	status int
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) WriteHeader(status int)      { w.status = status }
func (w *statusOnly) Write(p []byte) (int, error) { return len(p), nil }

// secure sets what browsers are told with every answer: nothing from elsewhere, nothing inline, no frames, no guessing.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// Run answers on the listeners until ctx ends, then lets running requests finish, at most as long as Options.DrainFor. It
// closes the listeners.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return base },
		ConnContext: withPeer,
	}
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(s.stopping) }))
	g, failed := errgroup.WithContext(ctx)
	for _, l := range listeners {
		g.Go(func() error {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	g.Go(func() error {
		<-failed.Done() // the end was called, or a listener failed
		drain, done := context.WithTimeout(base, s.drainFor)
		defer done()
		if err := server.Shutdown(drain); err != nil {
			s.log.Warn("requests cut short", "after", s.drainFor, "err", err)
			cut()
			return server.Close()
		}
		return nil
	})
	return g.Wait()
}
