package document_test

import (
	"strings"
	"testing"

	"tocsin/internal/document"
)

type store struct {
	URL  document.Secret `yaml:"url,alone"`
	Size int             `yaml:"size"`
}

type holder struct {
	Store store `yaml:"store"`
	Other struct {
		Size int `yaml:"size"`
	} `yaml:"other"`
}

// One setting may stand for its whole struct, in a document and in the environment; what is wrong with it is not shown.
func TestOneSettingStandsAlone(t *testing.T) {
	for text, want := range map[string]string{
		"store: x://secret": "x://secret", "store: {url: x://secret, size: 3}": "x://secret", "store:\n  size: 3\n": "", "store:": "",
	} {
		var h holder
		if _, err := document.Load("f.yaml", []byte(text), &h, nil, "T_"); err != nil || h.Store.URL.Reveal() != want {
			t.Errorf("%q: URL %q, %v, want %q", text, h.Store.URL.Reveal(), err, want)
		}
	}
	for _, environ := range []string{"T_STORE=x://secret", "T_STORE_URL=x://secret"} {
		var h holder
		if _, err := document.Load("f.yaml", []byte("store: y\n"), &h, []string{environ}, "T_"); err != nil || h.Store.URL.Reveal() != "x://secret" {
			t.Errorf("%s: URL %q, %v", environ, h.Store.URL.Reveal(), err)
		}
	}
	for _, text := range []string{"store: [x://secret]", "other: x://secret"} {
		var h holder
		_, err := document.Load("f.yaml", []byte(text), &h, nil, "T_")
		if err == nil || !strings.Contains(err.Error(), "mapping") {
			t.Errorf("%q: %v, want it to want a mapping", text, err)
		}
	}
}
