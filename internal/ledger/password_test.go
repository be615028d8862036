package ledger

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
)

func TestHash(t *testing.T) {
	cheap := cost{variant: "argon2id", memory: 64, passes: 1, lanes: 2}
	one, two := hash("secret", cheap), hash("secret", cheap)
	if one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=64,t=1,p=2$") {
		t.Errorf("hash = %q, %q, want two different ones with their parameters", one, two)
	}
	for password, want := range map[string]bool{"secret": true, "Secret": false, "": false, "secret ": false} {
		if got, err := verify(one, password); got != want || err != nil {
			t.Errorf("verify(%q) = %v, %v, want %v", password, got, err, want)
		}
	}
	if c, _, _, err := parsePHC(hash("x", usualCost())); err != nil || c != usualCost() {
		t.Errorf("parsePHC of a new hash = %+v, %v", c, err)
	}
}

// TestForeignHash reads a hash that another program made: its own parameters count.
func TestForeignHash(t *testing.T) {
	salt := base64.RawStdEncoding.EncodeToString([]byte("somesalt"))
	// Test vector of the reference implementation, src/test.c: version 19, t=2, m=2^16, p=1, "password", "somesalt".
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !strings.Contains(phc, salt) {
		t.Fatal("wrong salt")
	}
	if ok, err := verify(phc, "password"); !ok || err != nil {
		t.Errorf("verify of the reference vector = %v, %v", ok, err)
	}
	// The same, of argon2i.
	const independent = "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"
	if ok, err := verify(independent, "password"); !ok || err != nil {
		t.Errorf("verify of the reference vector of argon2i = %v, %v", ok, err)
	}
	if ok, err := verify(phc, "passwort"); ok || err != nil {
		t.Errorf("verify of another password = %v, %v", ok, err)
	}
}

func TestHostileHash(t *testing.T) {
	const salt, sum = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, phc := range []string{
		"", "plain", "$argon2d$v=19$m=65536,t=2,p=1$" + salt + "$" + sum, "$argon2id$v=16$m=65536,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=1048577,t=1,p=1$" + salt + "$" + sum, "$argon2i$v=19$m=1048576,t=5,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=0,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=65536,t=4294967295,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=1,p=0$" + salt + "$" + sum, "$argon2id$v=19$m=65536,t=1,p=255$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=1,p=256$" + salt + "$" + sum, "$argon2id$v=19$m=1,t=1,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=-1,t=1,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=65536,t=1,p=1,x=2$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=1,p=1$$", "$argon2id$v=19$m=65536,t=1,p=1$" + salt + "$QQ", "$argon2id$v=19$m=65536,t=1,p=1$!!!$" + sum,
		"$argon2id$v=19$m=65536,t=1,p=1$" + salt + "$" + strings.Repeat("A", 1000), "$argon2id$v=19$m=065536,t=1,p=1$" + salt + "$" + sum,
	} {
		if ok, err := verify(phc, "password"); ok || err == nil {
			t.Errorf("verify(%q) = %v, %v, want it refused", phc, ok, err)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=4294967296,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, phc string) {
		c, salt, sum, err := parsePHC(phc)
		if err != nil {
			return
		}
		if c.memory > 1<<20 || c.passes > 64 || uint64(c.memory)*uint64(c.passes) > 4<<20 || c.lanes > 16 || len(salt) > 64 || len(sum) > 64 || c.lanes == 0 || c.passes == 0 {
			t.Errorf("parsePHC(%q) = %+v, beyond the bounds", phc, c)
		}
	})
}

func TestSlotsAreFew(t *testing.T) {
	l := &Ledger{hashes: make(chan struct{}, 2)}
	for range 2 {
		if _, err := l.slot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan error, 1)
	go func() {
		release, err := l.slot(t.Context())
		if err == nil {
			release()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Errorf("a third hash ran beside two: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	<-l.hashes
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func FuzzCut(f *testing.F) {
	f.Add("a\x00b\xff", 5)
	f.Add("äöüäöü", 7)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 3 + limit&0xff
		got := cut(s, limit)
		if len(got) > limit || clean(got) != got {
			t.Errorf("cut(%q, %d) = %q", s, limit, got)
		}
		if clean(s) == s && len(s) <= limit && got != s {
			t.Errorf("cut(%q, %d) = %q, want it unchanged", s, limit, got)
		}
		if answer := cutAnswer(strings.Repeat(s, 100)); len(answer) > maxAnswer || clean(answer) != answer {
			t.Errorf("cutAnswer = %d bytes", len(answer))
		}
	})
}

func FuzzEntityKey(f *testing.F) {
	f.Add("a", "b", "a\x00", "b")
	f.Add("a", "b,c=d", "a", "b")
	f.Fuzz(func(t *testing.T, field, value, otherField, otherValue string) {
		e, o := alert.Entity{{Field: field, Value: value}}, alert.Entity{{Field: otherField, Value: otherValue}}
		key := entityKey(e)
		if len(key) > maxKey+8 || clean(key) != key {
			t.Errorf("entityKey(%q) = %q", e, key)
		}
		if (e.Key() == o.Key()) != (key == entityKey(o)) {
			t.Errorf("entityKey(%q) = %q, entityKey(%q) = %q", e, key, o, entityKey(o))
		}
	})
}
