package ledger

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"tocsin/internal/fault"
)

// usualCost is what new passwords cost to hash: 64 MiB, one pass, two lanes, after RFC 9106 section 4. Changing it does no
// harm to stored ones, as each names its own.
func usualCost() cost { return cost{variant: "argon2id", memory: 64 << 10, passes: 1, lanes: 2} }

// Lengths of new passwords: at least 8 characters after NIST SP 800-63B section 5.1.1.2, and at most so many bytes.
const (
	minPassword = 8
	maxPassword = 1024
)

// noPassword stands in place of a hash where nothing is the password.
const noPassword = "!"

// A cost is how hard a password is to hash, and by which variant.
type cost struct {
	variant string // "argon2id" or "argon2i"
	memory  uint32 // KiB
	passes  uint32
	lanes   uint8
}

// errHash refuses a stored hash that is not one, or that would cost more than we are ready to pay.
var errHash = errors.New("stored password is not an argon2 hash within bounds")

// hash returns the PHC string of a password.
func hash(password string, c cost) string {
	salt := make([]byte, 16)
	rand.Read(salt) // it never fails
	sum := c.key(password, salt, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", c.variant, argon2.Version, c.memory, c.passes, c.lanes,
		b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// verify reports whether the PHC string is of the password, with the parameters that the string names.
func verify(phc, password string) (bool, error) {
	c, salt, sum, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	got := c.key(password, salt, uint32(len(sum))) //nolint:gosec // at most 64
	return subtle.ConstantTimeCompare(got, sum) == 1, nil
}

// key derives the sum of a password.
func (c cost) key(password string, salt []byte, length uint32) []byte {
	if c.variant == "argon2i" {
		return argon2.Key([]byte(password), salt, c.passes, c.memory, c.lanes, length)
	}
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.lanes, length)
}

// Bounds of hashes that other programs made, which keep a hostile one from taking memory or time that hurts.
const (
	maxMemory = 1 << 20 // KiB
	maxPasses = 64
	maxLanes  = 16
	maxWork   = 4 << 20 // KiB times passes
	muchWork  = 1 << 18 // KiB beyond which only one is computed at a time
)

// parsePHC takes apart $argon2id$v=19$m=65536,t=1,p=2$SALT$HASH, or the same of argon2i.
func parsePHC(phc string) (c cost, salt, sum []byte, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" && parts[1] != "argon2i" || parts[2] != "v=19" {
		return c, nil, nil, errHash
	}
	var memory, passes, lanes uint64
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); n != 3 || err != nil ||
		fmt.Sprintf("m=%d,t=%d,p=%d", memory, passes, lanes) != parts[3] {
		return c, nil, nil, errHash
	}
	if lanes < 1 || lanes > maxLanes || passes < 1 || passes > maxPasses || memory < 8*lanes || memory > maxMemory || memory*passes > maxWork {
		return c, nil, nil, errHash
	}
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	sum, sumErr := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || sumErr != nil || len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64 {
		return c, nil, nil, errHash
	}
	return cost{variant: parts[1], memory: uint32(memory), passes: uint32(passes), lanes: uint8(lanes)}, salt, sum, nil
}

// slot waits for the right to hash: each hash takes 64 MiB, and many at once would take all the memory there is.
func (l *Ledger) slot(ctx context.Context) (release func(), err error) {
	select {
	case l.hashes <- struct{}{}:
		return func() { <-l.hashes }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "check a password: too many at once: %w", context.Cause(ctx))
	}
}

// checkPassword tells what is wrong with a new password.
func checkPassword(password string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return fault.New(fault.Invalid, "password: got %d characters, want %d or more", n, minPassword)
	case len(password) > maxPassword:
		return fault.New(fault.Invalid, "password: got %d bytes, want %d or fewer", len(password), maxPassword)
	}
	return nil
}
