package parsertest

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"tocsin/internal/parser"
)

func inputs(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*", "input.log"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no golden cases testdata/*/input.log (%v)", err)
	}
	return paths
}

// decode reads settings strictly.
func decode(text []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	return d.Decode(into)
}

// score wants good records to be recognised and others not.
func score(t *testing.T, f parser.Format, cases []testcase) {
	if f.Score == nil {
		return
	}
	plain := testcase{config: f.Default()} // Score knows no settings
	for i := range cases {
		c := &cases[i]
		for _, r := range c.records {
			n := f.Score(r)
			if n < 0 || n > 100 {
				t.Errorf("Score(%q) = %d, want 0 to 100", clip(r), n)
			}
			rows, bad := Rows(t, f.Kind, plain.parser(t), r, c.received)
			if n > 0 && (bad != nil || len(rows) == 0) {
				t.Errorf("Score(%q) = %d, but parsing it gives %d rows and %v", clip(r), n, len(rows), bad)
			}
		}
	}
	for _, foreign := range []string{"", " ", "\x00", "\xff\xfe", "hello world", "key=value other=value", "a,b,c,d", "<?xml version=\"1.0\"?>"} {
		if n := f.Score([]byte(foreign)); n > 30 {
			t.Errorf("Score(%q) = %d, want 30 or less", foreign, n)
		}
	}
}

// folder checks what stands beside the code: sample.yaml and README.md.
func folder(t *testing.T, f parser.Format, sample []byte) {
	if f.Name == "" || f.Kind == 0 || f.Default == nil {
		t.Errorf("Format is %+v, want a name, a kind and Default", f)
	}
	config := f.Default()
	if config == f.Default() {
		t.Error("Default returns the same Config twice, want a new one each time")
	}
	if err := config.Validate(); err != nil {
		t.Errorf("the defaults do not validate: %v", err)
	}
	if err := decode(sample, config); err != nil {
		t.Errorf("sample.yaml: %v", err)
	}
	if err := config.Validate(); err != nil {
		t.Errorf("sample.yaml does not validate: %v", err)
	}
	var named map[string]any
	if err := yaml.Unmarshal(sample, &named); err != nil {
		t.Errorf("sample.yaml: %v", err)
	}
	for _, key := range keys(reflect.TypeOf(config).Elem()) {
		if _, ok := named[key]; !ok {
			t.Errorf("sample.yaml does not name %s", key)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, heading := range []string{"\n## What it does\n", "\n## Settings\n", "\n## Example\n", "\n## Limits\n"} {
		if !strings.Contains(string(readme), heading) {
			t.Errorf("README.md has no heading %q", strings.TrimSpace(heading))
		}
	}
}

// keys lists the settings of a Config, those of inlined structures included.
func keys(typ reflect.Type) []string {
	var all []string
	for i := range typ.NumField() {
		name, options, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
		if strings.Contains(options, "inline") {
			all = append(all, keys(typ.Field(i).Type)...)
		} else if name != "-" {
			all = append(all, name)
		}
	}
	return all
}
