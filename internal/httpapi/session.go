package httpapi

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"tocsin/internal/api"
)

// Bounds of sessions.
const (
	sessionIdle   = 12 * time.Hour     // without a request
	sessionLife   = 7 * 24 * time.Hour // at most
	maxSessions   = 10_000
	credentialFor = time.Minute // a password that was right is not checked again for as long: checking one is made slow
	maxCredential = 1_000
)

// A session stands for a login. Tokens are kept as their SHA-256 only.
type session struct {
	id      api.Identity
	started time.Time
	used    time.Time
	life    time.Duration // 0: sessionLife
}

// over reports whether a session has ended.
func (s session) over(now time.Time) bool {
	return now.Sub(s.used) > sessionIdle || now.Sub(s.started) > cmp.Or(s.life, sessionLife)
}

// sessions are the logins of this process; they end with it.
type sessions struct {
	mu    sync.Mutex
	open  map[[sha256.Size]byte]session
	known map[[sha256.Size]byte]session // names with right passwords, under a key of this process
	key   []byte
	// changes counts the accounts that changed, so that a check that was under way meanwhile is not remembered.
	changes uint64
}

func newSessions() *sessions {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return &sessions{open: map[[sha256.Size]byte]session{}, known: map[[sha256.Size]byte]session{}, key: key}
}

// start opens a session and returns its token.
func (s *sessions) start(id api.Identity, now time.Time) (token string, expires time.Time) {
	return s.lend(id, now, sessionLife), now.Add(sessionLife)
}

// lend opens a session that ends after life, whatever it is used for.
func (s *sessions) lend(id api.Identity, now time.Time, life time.Duration) (token string) {
	token = sessionPrefix + rand.Text() + rand.Text()[:4]
	s.mu.Lock()
	defer s.mu.Unlock()
	makeRoom(s.open, maxSessions)
	s.open[sha256.Sum256([]byte(token))] = session{id, now, now, life}
	return token
}

// sessionPrefix tells the tokens of sessions from the lasting ones that accounts have.
const sessionPrefix = "session-"

// find returns who a token of a session stands for.
func (s *sessions) find(token string, now time.Time) (api.Identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256([]byte(token))
	found, ok := s.open[sum]
	if !ok || found.over(now) {
		delete(s.open, sum)
		return api.Identity{}, false
	}
	found.used = now
	s.open[sum] = found
	return found.id, true
}

// peek is find without a use: the session grows old all the same.
func (s *sessions) peek(token string, now time.Time) (api.Identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.open[sha256.Sum256([]byte(token))]
	return found.id, ok && !found.over(now)
}

// end closes the session of a token.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(token)))
}

// count returns how many sessions of a user are open.
func (s *sessions) count(user string, now time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.open {
		if one.id.User == user && !one.over(now) {
			n++
		}
	}
	return n
}

// forget closes every session of a user and his known passwords, because the account changed.
func (s *sessions) forget(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	for _, m := range []map[[sha256.Size]byte]session{s.open, s.known} {
		for sum, one := range m {
			if one.id.User == user {
				delete(m, sum)
			}
		}
	}
}

// sum is what a name and password are remembered under.
func (s *sessions) sum(user, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(user))
	h.Write([]byte{0})
	h.Write([]byte(password))
	h.Sum(sum[:0])
	return sum
}

// recall returns who a name and password stood for a moment ago, and what remember is to be told when they must be checked.
func (s *sessions) recall(user, password string, now time.Time) (id api.Identity, changes uint64, ok bool) {
	sum := s.sum(user, password)
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.known[sum]
	return found.id, s.changes, ok && now.Sub(found.started) < credentialFor
}

// remember keeps a name and password that were right, unless an account changed since recall.
func (s *sessions) remember(user, password string, id api.Identity, changes uint64, now time.Time) {
	sum := s.sum(user, password)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != changes {
		return
	}
	makeRoom(s.known, maxCredential)
	s.known[sum] = session{id: id, started: now, used: now}
}

// makeRoom drops the one that was not used for longest when there are most of them.
func makeRoom(m map[[sha256.Size]byte]session, most int) {
	if len(m) < most {
		return
	}
	var oldest [sha256.Size]byte
	var when time.Time
	for sum, one := range m {
		if when.IsZero() || one.used.Before(when) {
			oldest, when = sum, one.used
		}
	}
	delete(m, oldest)
}
