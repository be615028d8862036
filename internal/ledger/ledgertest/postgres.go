package ledgertest

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that databases are made with

	"tocsin/internal/ledger/postgres"
)

// A Server is a PostgreSQL server of a test's own, on a socket in a directory of its own. What it holds is gone afterwards.
type Server struct {
	dir     string
	bin     string
	account *syscall.Credential // whom it runs as; nil is ourselves
	made    int                 // databases
}

// StartPostgres starts a server that stops with the test. Where PostgreSQL is not installed the test is skipped, or, when
// the environment variable CI is set, fails.
func StartPostgres(t testing.TB) *Server {
	t.Helper()
	bin, err := findPostgres()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	// Not t.TempDir: its parent is closed to others, its path may be too long for a socket.
	dir, err := os.MkdirTemp("", "tocsinpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s := &Server{dir: dir, bin: bin}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		s.account = someUser(t)
		if err := os.Chown(dir, int(s.account.Uid), int(s.account.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	s.run(t, "initdb", "-D", s.data(), "-U", "tocsin", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

func findPostgres() (dir string, err error) {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	packaged, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.Sort(packaged)
	slices.Reverse(packaged)
	for _, dir := range append(dirs, packaged...) {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no PostgreSQL here: initdb is neither in PATH nor in /usr/lib/postgresql/*/bin (apt install postgresql)")
}

func someUser(t testing.TB) *syscall.Credential {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			t.Fatal(err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Fatal("neither a user postgres nor a user nobody to run PostgreSQL as")
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) run(t testing.TB, program string, args ...string) {
	t.Helper()
	path := filepath.Join(s.bin, program) // a program that we looked for
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	// A file, not a pipe: the server that pg_ctl starts would keep a pipe open.
	output, err := os.CreateTemp(s.dir, program)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(output.Name())
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		t.Fatalf("%s: %v\n%s\n%s", program, err, said, log)
	}
}

// Start starts the server and waits until it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	options := "-c listen_addresses='' -c unix_socket_directories=" + s.dir + " -c fsync=off -c full_page_writes=off -c max_connections=60 -c shared_buffers=16MB"
	s.run(t, "pg_ctl", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-o", options, "-w", "-t", "60", "start")
}

// Stop stops the server as an operator would who does not wait for its users. One that is stopped stays so.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(s.data(), "postmaster.pid")); err == nil {
		s.run(t, "pg_ctl", "-D", s.data(), "-m", "fast", "-w", "-t", "60", "stop")
	}
}

// Database makes an empty database and returns its address.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	db, err := sql.Open("pgx", s.address("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s.made++
	name := "t" + strconv.Itoa(s.made)
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("create database %s: %v", name, err)
	}
	return s.address(name)
}

func (s *Server) address(database string) string {
	return fmt.Sprintf("postgres://tocsin@/%s?host=%s", database, strings.ReplaceAll(s.dir, "/", "%2F"))
}

// HoldWriterLock keeps every writer of a PostgreSQL ledger waiting until release is called.
func HoldWriterLock(t *testing.T, dsn string) (release func()) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock($1)", int64(postgres.WriterLock)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

// WantNoWaiting returns when nobody waits for the writer's lock of a PostgreSQL ledger.
func WantNoWaiting(t *testing.T, dsn string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for limit := time.Now().Add(time.Minute); ; {
		var waiting int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if waiting == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d wait for the writer's lock still", waiting)
		}
	}
}
