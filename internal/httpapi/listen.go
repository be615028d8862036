package httpapi

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"tocsin/internal/fault"
)

// maxSocketPath is how long the path of a socket may be (sun_path, unix(7)), less a little for other systems.
const maxSocketPath = 100

// ListenSocket listens on a socket file that only its owner may use. A file that a killed process left is replaced: whoever
// calls this holds the lock of the data directory. The listener removes the file when it is closed.
func ListenSocket(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fault.New(fault.Conflict, "listen on %s: it exists and is no socket (move it away)", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("replace socket: %w", err)
		}
	}
	name, release, err := socketName(path)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false) // by its short name it could not be found again
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, fmt.Errorf("protect socket: %w", joinClose(err, l))
	}
	return &socket{l, path}, nil
}

func joinClose(err error, l net.Listener) error {
	if closeErr := l.Close(); closeErr != nil {
		return fmt.Errorf("%w (and close: %w)", err, closeErr)
	}
	return err
}

// A socket removes its file when it is closed.
type socket struct {
	*net.UnixListener
	path string
}

func (s *socket) Close() error {
	if err := s.UnixListener.Close(); err != nil {
		return err // closed before: the file may already be another's
	}
	return os.Remove(s.path)
}

// socketName gives a path that is too long for a socket address a short name, by way of an open directory. It holds until
// release is called.
func socketName(path string) (name string, release func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("shorten socket path: %w", err)
	}
	name = "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + filepath.Base(path)
	return name, func() { _ = dir.Close() }, nil // opened for reading: nothing to lose
}
