package document_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/document"
)

func TestEnvironmentWins(t *testing.T) {
	got := defaults()
	origins, err := document.Load("tocsin.yaml", []byte("name: file\ncount: 3\ninner: {over: 2s}\nkeep: {dns: 1s}\n"), got, []string{
		"HOME=/root", "TOCSIN_NAME=env", "TOCSIN_INNER_OVER=3m", "TOCSIN_TAGS=a, b", "TOCSIN_INNER_BY=[x, 'y,z']", "TOCSIN_KEEP_DNS=1d",
		"TOCSIN_KEEP_LOG=off", "TOCSIN_PASSWORD_FILE=/run/secret", "TOCSIN_ZONE=UTC", "TOCSIN_SERVICE_HOST=10.0.0.1", "TOCSIN_CUONT=4",
	}, "TOCSIN_")
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "env" || got.Count != 3 || got.Inner.Over != 3*time.Minute || got.Zone != "UTC" || got.Password.File() != "/run/secret" {
		t.Errorf("Load: got %+v", got)
	}
	if !cmp.Equal(got.Tags, []string{"a", "b"}) || !cmp.Equal(got.Inner.By, []string{"x", "y,z"}) {
		t.Errorf("Load: got lists %q and %q", got.Tags, got.Inner.By)
	}
	if want := map[string]time.Duration{"dns": 24 * time.Hour, "log": 0, "flow": time.Minute}; !cmp.Equal(got.Keep, want) {
		t.Errorf("Load: got map %v, want %v", got.Keep, want)
	}
	for path, want := range map[string]string{"name": "TOCSIN_NAME", "count": "tocsin.yaml:2", "over": "default", "inner.over": "TOCSIN_INNER_OVER", "inner": "tocsin.yaml:3"} {
		if at := origins.Of(path); at != want {
			t.Errorf("Origins.Of(%q): got %q, want %q", path, at, want)
		}
	}
	if want := []string{"TOCSIN_SERVICE_HOST", "TOCSIN_CUONT (did you mean TOCSIN_COUNT?)"}; !cmp.Equal(origins.Ignored, want) {
		t.Errorf("Origins.Ignored: got %q, want %q", origins.Ignored, want)
	}
}

func TestEnvironmentMistakesNameTheVariable(t *testing.T) {
	err := document.Override(defaults(), []string{"T_OVER=soon", "T_INNER_OVER=0s", "T_ON=", "T_TAGS=[a", "T_PORT=99999"}, "T_")
	if diff := cmp.Diff([]string{
		`T_INNER_OVER: inner.over: got 0s, want 1s or more`,
		`T_ON: on: got "", want true or false`,
		`T_OVER: over: got "soon", want a duration with its unit, as in 30s, 10m, 1h30m or 7d`,
		`T_PORT: port: got 99999, want 65535 or less`,
		`T_TAGS: tags: list "[a": while parsing a flow sequence: did not find expected ',' or ']' (begun in line 1)`,
	}, lines(t, err)); diff != "" {
		t.Errorf("Override: want - got +\n%s", diff)
	}
}

// A document that only the environment completes is valid: validation comes last.
func TestEnvironmentCompletesTheDocument(t *testing.T) {
	got := defaults()
	if _, err := document.Load("f", []byte("inner: {over: 0s}\n"), got, []string{"T_INNER_OVER=1m"}, "T_"); err != nil {
		t.Error(err)
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	got := defaults()
	if err := document.Decode("f", []byte("password: hunter2\n"), got); err != nil {
		t.Fatal(err)
	}
	text, err := got.Password.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprint(got.Password), fmt.Sprintf("%+v %#v %q %x %d", *got, *got, got.Password, got.Password, got.Password), string(text)} {
		if strings.Contains(printed, "hunter2") || strings.Contains(printed, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the secret shows in %q", printed)
		}
	}
	if got.Password.Reveal() != "hunter2" {
		t.Errorf("Reveal: got %q", got.Password.Reveal())
	}
}

func TestReadSecrets(t *testing.T) {
	type channel struct {
		Token document.Secret `yaml:"token"`
	}
	type settings struct {
		Plain    document.Secret    `yaml:"plain"`
		Password document.Secret    `yaml:"password"`
		Channels map[string]channel `yaml:"channels"`
		List     []channel          `yaml:"list"`
	}
	var got settings
	root, err := document.Parse("f", []byte("plain: p\npassword_file: /a\nchannels: {x: {token: file:/b}}\nlist:\n- token_file: /gone\n- {token: file:/empty}\n"))
	if err == nil {
		err = root.Decode(&got)
	}
	if err != nil {
		t.Fatal(err)
	}
	err = document.ReadSecrets(&got, func(path string) ([]byte, error) {
		switch path {
		case "/a", "/b":
			return []byte("in " + path + "\r\n"), nil
		case "/empty":
			return []byte("\n"), nil
		}
		return nil, errors.New("open " + path + ": no such file")
	})
	if got.Plain.Reveal() != "p" || got.Password.Reveal() != "in /a" || got.Channels["x"].Token.Reveal() != "in /b" {
		t.Errorf("ReadSecrets: got %q, %q and %q", got.Plain.Reveal(), got.Password.Reveal(), got.Channels["x"].Token.Reveal())
	}
	if diff := cmp.Diff([]string{
		`5: list[0].token: open /gone: no such file`,
		`6: list[1].token: read /empty: the file is empty`,
	}, lines(t, root.Locate(err))); diff != "" {
		t.Errorf("ReadSecrets: want - got +\n%s", diff)
	}
}

func TestDurationsAndSizes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "off": 0, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour, "2w1d3h": 15*24*time.Hour + 3*time.Hour, "1.5s": 1500 * time.Millisecond, "-3s": -3 * time.Second,
	} {
		got, err := document.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q): got %v, %v, want %v", text, got, err, want)
		}
		if again, err := document.ParseDuration(document.FormatDuration(got)); err != nil || again != got {
			t.Errorf("FormatDuration(%v): got %q, which does not read back", got, document.FormatDuration(got))
		}
	}
	for _, text := range []string{"", "7", "d", "1d2w", "1d-2h", "-1d", "1dd", "106752d", "99999999999w", "1d+1h", "15250w5d24h"} {
		if got, err := document.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q): got %v, want an error", text, got)
		}
	}
	for text, want := range map[string]document.Size{"0": 0, "off": 0, "17": 17, "4GiB": 4 << 30, "10 MB": 1e7, "1.5kib": 1536, "9589934592GB": -1, "0.5B": 0} {
		got, err := document.ParseSize(text)
		if want < 0 {
			if err == nil {
				t.Errorf("ParseSize(%q): got %v, want an error", text, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("ParseSize(%q): got %d, %v, want %d", text, got, err, want)
		}
		if again, err := document.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("Size.String of %d: got %q, which does not read back", got, got)
		}
	}
	for _, text := range []string{"", "B", "-1B", "1e3", "0x10", "NaN", "Inf", "4Gi", "1_000"} {
		if got, err := document.ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q): got %v, want an error", text, got)
		}
	}
}
