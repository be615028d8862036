package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/alert"
	"tocsin/internal/config"
	"tocsin/internal/document"
)

var update = flag.Bool("update", false, "write the reference pages anew")

// TestReference holds the pages in docs/reference to the comments, types and defaults of the settings.
func TestReference(t *testing.T) {
	w := reference{comments: commentsOf(t, "settings.go")}
	w.page()
	for name, got := range map[string]string{"configuration.md": w.markdown.String(), "tocsin.yaml": w.sample.String()} {
		path := filepath.Join("..", "..", "docs", "reference", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s is not current (make generate): file - settings +\n%s", path, diff)
		}
	}
}

// The sample says every default; uncommented it must be the default.
func TestSampleIsTheDefault(t *testing.T) {
	w := reference{comments: commentsOf(t, "settings.go")}
	w.page()
	var text strings.Builder
	for line := range strings.Lines(w.sample.String()) {
		if setting := strings.TrimPrefix(line, "#"); !strings.HasPrefix(setting, " ") || strings.HasPrefix(setting, "  ") {
			line = setting // comments have one blank behind the sign
		}
		text.WriteString(line)
	}
	got, _, err := config.Load(write(t, "tocsin.yaml", text.String()), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	want := config.Default()
	want.Data = examples["data"]
	got.RuleFiles, got.FormatFiles, got.Rules, got.Sources.Files, got.Notify = nil, nil, nil, nil, nil // examples, as there is no default
	got.Packs, got.Formats = document.Node{}, document.Node{}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "dir" }, cmp.Ignore()), cmp.AllowUnexported(config.Config{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the sample is not the default: Default - sample +\n%s", diff)
	}
}

// commentsOf returns the comment of every struct, "Files", and of every field, "Files.Name".
func commentsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, decl := range tree.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.TYPE {
			continue
		}
		spec := group.Specs[0].(*ast.TypeSpec)
		comments[spec.Name.Name] = strings.Join(strings.Fields(group.Doc.Text()), " ")
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			for _, name := range f.Names {
				comments[spec.Name.Name+"."+name.Name] = forReaders(name.Name, strings.Join(strings.Fields(f.Doc.Text()), " "))
			}
		}
	}
	return comments
}

// forReaders drops the name that a comment of Go begins with: people know the setting by its key.
func forReaders(name, text string) string {
	for _, begin := range []string{name + " is ", name + " are ", name + " "} {
		if rest, ok := strings.CutPrefix(text, begin); ok {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return text
}

// reference writes the two pages.
type reference struct {
	comments         map[string]string
	markdown, sample strings.Builder
}

// examples are what stands for settings without a default that could be shown.
var examples = map[string]string{
	"data":         "/var/lib/tocsin",
	"rule_files":   "[rules/*.yaml]",
	"format_files": "[formats/*.yaml]",
	"formats": `
#  shop:
#    text: {patterns: ['{@timestamp} {log.level} [{labels.thread}] {message}']}
#    samples:
#    - line: 2024-03-10T11:59:58Z WARN [main] out of socks
#      want: {log.level: WARN, message: out of socks}`,
	"packs": "[web, ssh]",
	"rules": `
#- name: ssh-guess
#  from: log
#  where: message contains "Failed password"
#  detect: {threshold: {metric: count, by: [source.ip], over: 10m, at_least: 20}}
#  severity: HIGH`,
	"notify": `
#  pager:
#    min_severity: HIGH
#    via: {command: {}}`,
	"sources.files": `
#  - name: nginx
#    paths: [/var/log/nginx/*.log]
#    zone: Europe/Berlin
#    service: shop`,
}

func (w *reference) page() {
	w.markdown.WriteString(`# Configuration

<!-- Generated from internal/config/settings.go by make generate. Do not edit. -->

tocsin needs no configuration. Where you want something else, write it into one YAML file and name the file by ` + "`--config`" + ` or
` + "`TOCSIN_CONFIG`" + `; [tocsin.yaml](tocsin.yaml) shows every setting with its default. ` + "`tocsin check`" + ` reports every mistake at once, with
its line and what is wanted there. Unknown keys are mistakes.

- Every setting below, but those in lists, can be set in the environment as well, which wins over the file.
- Lengths of time are written with their unit, as in ` + "`30s`, `10m`, `1h30m` or `7d`" + `; sizes as in ` + "`64KiB`, `4GiB` or `10MB`" + `. ` + "`off`" + ` is zero.
- A secret such as a password is given as itself, by ` + "`KEY_file: PATH`, or as `file:PATH`" + `. It is never printed.
- Relative paths in the file begin in the directory of the file.
`)
	w.sample.WriteString(`# Every setting of tocsin with its default. Generated by make generate; see configuration.md.
# Uncomment what you change.

`)
	c := config.Default()
	w.plain(reflect.ValueOf(*c), "", "")
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if key := keyOf(sf); key != "" && isSection(sf.Type) {
			w.section(key, sf.Name, v.Field(i))
		}
	}
}

// keyOf returns the key of a setting, "" where it has none. What stands behind a comma in its tag is for the reader of documents.
func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

// isSection says that a setting has settings below it.
func isSection(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[document.Node](), reflect.TypeFor[document.Secret](), reflect.TypeFor[config.Floor]():
		return false
	}
	return t.Kind() == reflect.Struct || (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && isSection(t.Elem())
}

// section writes one struct, or the elements of a list or map of them.
func (w *reference) section(path, name string, v reflect.Value) {
	t, title := v.Type(), path
	indent := strings.Repeat("  ", strings.Count(path, "."))
	key := path[strings.LastIndex(path, ".")+1:]
	switch t.Kind() {
	case reflect.Slice:
		t, title = t.Elem(), path+"[]"
	case reflect.Map:
		t, title = t.Elem(), path+".NAME"
	}
	w.comment("\n"+indent, w.comments[t.Name()])
	fmt.Fprintf(&w.markdown, "\n## %s\n\n%s\n", title, w.comments[t.Name()])
	if v.Kind() == reflect.Struct {
		fmt.Fprintf(&w.sample, "%s%s:\n", indent, key)
		w.plain(v, path, indent+"  ")
		for i := range v.NumField() {
			if sf := t.Field(i); isSection(sf.Type) {
				w.section(path+"."+keyOf(sf), sf.Name, v.Field(i))
			}
		}
		return
	}
	element := reflect.New(t).Elem()
	if channel, ok := element.Addr().Interface().(*config.Channel); ok {
		channel.MinSeverity = alert.Info
	}
	w.table(element, title)
	if example, ok := examples[path]; ok {
		fmt.Fprintf(&w.sample, "#%s%s:%s\n", indent, key, example)
		return
	}
	fmt.Fprintf(&w.sample, "#%s%s:\n", indent, key)
	for i := range v.Len() {
		dash := "- "
		for j := range t.NumField() {
			if item := v.Index(i).Field(j); !item.IsZero() {
				fmt.Fprintf(&w.sample, "#%s  %s%s: %s\n", indent, dash, keyOf(t.Field(j)), show(item))
				dash = "  "
			}
		}
	}
}

// plain writes the settings of a struct that have none below them.
func (w *reference) plain(v reflect.Value, path, indent string) {
	w.table(v, path)
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		key := keyOf(sf)
		if key == "" || isSection(sf.Type) {
			continue
		}
		if sf.Name == "Rules" {
			w.comment(indent, w.comments["Config.Rules"])
			fmt.Fprintf(&w.sample, "#rules:%s\n", examples["rules"])
			continue
		}
		full := strings.TrimPrefix(path+"."+key, ".")
		value, ok := examples[full]
		if !ok {
			value = show(v.Field(i))
		}
		w.comment(indent, w.comments[v.Type().Name()+"."+sf.Name])
		if !strings.HasPrefix(value, "\n") {
			value = " " + value
		}
		fmt.Fprintf(&w.sample, "#%s%s:%s\n", indent, key, value)
	}
}

// comment writes a comment into the sample.
func (w *reference) comment(indent, text string) {
	if rest, ok := strings.CutPrefix(indent, "\n"); ok {
		indent = rest
		w.sample.WriteString("\n")
	}
	line := ""
	for _, word := range strings.Fields(strings.ReplaceAll(text, "`", "")) {
		if len(indent)+len(line)+len(word) > 110 {
			fmt.Fprintf(&w.sample, "%s#%s\n", indent, line)
			line = ""
		}
		line += " " + word
	}
	fmt.Fprintf(&w.sample, "%s#%s\n", indent, line)
}

// table writes the settings of one struct as a table.
func (w *reference) table(v reflect.Value, path string) {
	inList := strings.HasSuffix(path, "[]") || strings.HasSuffix(path, "NAME")
	w.markdown.WriteString("\n| setting | form | default | what it is |\n|---|---|---|---|\n")
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		key := keyOf(sf)
		if key == "" || isSection(sf.Type) {
			continue
		}
		full := strings.TrimPrefix(path+"."+key, ".")
		name := "`" + full + "`"
		if sf.Type != reflect.TypeFor[[]document.Node]() && sf.Type != reflect.TypeFor[document.Node]() && !inList {
			name += "<br>`TOCSIN_" + strings.ToUpper(strings.ReplaceAll(full, ".", "_")) + "`"
		}
		value := show(v.Field(i))
		if value == `""` || value == "[]" || value == "{}" {
			value = ""
		} else {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&w.markdown, "| %s | %s | %s | %s |\n", name, formOf(sf.Type), value, w.comments[v.Type().Name()+"."+sf.Name])
	}
}

// show writes a default as the file would.
func show(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return document.FormatDuration(value)
	case fmt.Stringer:
		if s := value.String(); s != "" {
			return s
		}
		return `""`
	case string:
		if value == "" || strings.HasPrefix(value, ":") {
			return fmt.Sprintf("%q", value)
		}
		return value
	case map[string]time.Duration:
		var parts []string
		for _, kind := range []string{"login", "flow", "log", "sighting"} {
			parts = append(parts, kind+": "+document.FormatDuration(value[kind]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []string, []document.Node:
		return "[]"
	case map[string][]string:
		return "{}"
	}
	return fmt.Sprint(v.Interface())
}

// formOf says how a setting is written.
func formOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "time"
	case reflect.TypeFor[document.Size]():
		return "size"
	case reflect.TypeFor[config.Floor]():
		return "size, `auto` or `off`"
	case reflect.TypeFor[document.Secret]():
		return "secret"
	case reflect.TypeFor[document.Node](), reflect.TypeFor[[]document.Node]():
		return "settings"
	case reflect.TypeFor[alert.Severity]():
		return "severity"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list of " + formOf(t.Elem())
	case reflect.Map:
		if t.Elem().Kind() == reflect.Slice {
			return formOf(t.Elem()) + " by name"
		}
		return formOf(t.Elem()) + " by kind"
	case reflect.String:
		return "text"
	}
	return "number"
}
