// Package tocsin_test holds the shape of the whole: which package may import which, and what every package owes its reader.
package tocsin_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// floors is the table of docs/architecture.md. Imports point down; packages on the same floor never import each other,
// but a package and those in its own folder may. Move a package here and there together.
var floors = map[string]int{
	"event": 0, "alert": 0, "fault": 0,

	"metric": 1, "document": 1, "permission": 1, "window": 1, "instant": 1, "prefix": 1,
	"parser": 1, "detector": 1, "notifier": 1, "flow": 1, "view": 1,

	"api": 2, "source": 2, "filter": 2, "aggregate": 2, "message": 2, "chart": 2, "group": 2, "list": 2, "names": 2, "rollup": 2, "schedule": 2, "parser/*": 2, "detector/*": 2, "flow/*": 2,

	"journal": 3, "history": 3, "ledger": 3, "ledger/*": 3, "rule": 3, "scope": 3, "declared": 3, "lines": 3, "fingerprint": 3, "quarantine": 3, "post": 3, "signon": 3, "drops": 3, "enrich": 3, "traq": 3, "bookmark": 3,

	"ingest": 4, "detect": 4, "alerting": 4, "delivery": 4, "config": 4, "pack": 4, "preference": 4, "mute": 4, "traffic": 4, "naming": 4, "define": 4, "board": 4, "report": 4,

	"source/*": 5, "notifier/*": 5, "httpapi": 5, "web": 5, "cli": 5, "desk": 5, "policy": 5, "takeover": 5, "trial": 5, "watch": 5,

	"catalog": 6, "persona/*": 6, "ways": 6,

	"app": 7, "conformance": 7,
}

// pure is the highest floor without files, sockets, goroutines, logger and clock.
const pure = 2

// impure are the packages that floors up to pure do without, harmless what they may take of package net, and
// clock what they may not take of package time.
var (
	impure = map[string]bool{
		"os": true, "os/exec": true, "os/signal": true, "net/http": true, "log": true, "log/slog": true, "syscall": true,
		"database/sql": true, "math/rand": true, "crypto/rand": true, "golang.org/x/sync/errgroup": true,
		"github.com/prometheus/client_golang/prometheus": true,
	}
	harmless = []string{"ParseMAC", "HardwareAddr", "SplitHostPort", "JoinHostPort"} // of package net
	clock    = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
)

// A file is one Go file of the module.
type file struct {
	path string // from the root, with slashes
	pkg  string // folder below internal, as "parser/syslog"; "" for those elsewhere
	test bool
	tree *ast.File
	set  *token.FileSet
}

// imports returns the packages of this module that a file imports, below internal.
func (f file) imports() (own []string) {
	for _, i := range f.tree.Imports {
		if p, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "tocsin/internal/"); ok {
			own = append(own, p)
		}
	}
	return own
}

// place says where a node stands.
func (f file) place(n ast.Node) string { return f.set.Position(n.Pos()).String() }

// files parses every Go file of the module.
func files(t *testing.T) (all []file) {
	t.Helper()
	set := token.NewFileSet()
	eachFile(t, func(name string) {
		if path.Ext(name) != ".go" {
			return
		}
		tree, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		pkg, _ := strings.CutPrefix(path.Dir(name), "internal/")
		if pkg == path.Dir(name) {
			pkg = ""
		}
		all = append(all, file{path: name, pkg: pkg, test: strings.HasSuffix(name, "_test.go"), tree: tree, set: set})
	})
	if len(all) < 50 {
		t.Fatalf("found %d Go files, which cannot be all", len(all))
	}
	return all
}

// eachFile calls fn for every file that belongs to the project, test data left out.
func eachFile(t *testing.T, fn func(name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch base := d.Name(); {
		case d.IsDir() && (base == "testdata" || base == "bin" || base != "." && base != ".ci" && strings.HasPrefix(base, ".")):
			return filepath.SkipDir
		case !d.IsDir():
			fn(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// floorOf returns the floor of a package below internal. Packages that help tests, as parser/parsertest does, have none.
func floorOf(pkg string) (floor int, known bool) {
	if floor, known = floors[pkg]; known {
		return floor, true
	}
	floor, known = floors[path.Dir(pkg)+"/*"]
	return floor, known
}

// isHelper says that a package helps tests alone: its name is that of its parent with "test" behind it. leaktest helps those of any.
func isHelper(pkg string) bool {
	return pkg == "leaktest" || path.Base(pkg) == path.Base(path.Dir(pkg))+"test"
}

// related says that one package is in the folder of the other.
func related(a, b string) bool { return strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/") }

func TestImportsPointDown(t *testing.T) {
	for _, f := range files(t) {
		if f.pkg == "" {
			continue
		}
		floor, known := floorOf(f.pkg)
		if !known && !isHelper(f.pkg) {
			t.Errorf("%s: package %s has no floor; give it one in arch_test.go and docs/architecture.md", f.path, f.pkg)
			continue
		}
		for _, i := range f.imports() {
			below, known := floorOf(i)
			switch {
			case isHelper(i):
				if !f.test && !isHelper(f.pkg) {
					t.Errorf("%s imports %s, which is for tests", f.path, i)
				}
			case isHelper(f.pkg), i == f.pkg:
			case !known:
				t.Errorf("%s imports %s, which has no floor", f.path, i)
			case below > floor && f.test && related(f.pkg, i): // a contract is tested with what implements it
			case below > floor:
				t.Errorf("%s, on floor %d, imports %s above it, on floor %d", f.path, floor, i, below)
			case below == floor && !f.test && !related(f.pkg, i):
				t.Errorf("%s imports %s beside it, on floor %d; what two need moves one floor down", f.path, i, floor)
			}
		}
	}
}

func TestLowFloorsArePure(t *testing.T) {
	for _, f := range files(t) {
		floor, known := floorOf(f.pkg)
		if f.pkg == "" || f.test || isHelper(f.pkg) || !known || floor > pure {
			continue
		}
		for _, i := range f.tree.Imports {
			if name := strings.Trim(i.Path.Value, `"`); impure[name] {
				t.Errorf("%s: floor %d is pure and does without %s", f.place(i), floor, name)
			}
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: floor %d is pure and starts no goroutine", f.place(n), floor)
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				switch {
				case ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name):
					t.Errorf("%s: floor %d is told the time and never asks time.%s", f.place(n), floor, n.Sel.Name)
				case ok && x.Name == "net" && x.Obj == nil && !slices.Contains(harmless, n.Sel.Name):
					t.Errorf("%s: floor %d is pure and does without net.%s", f.place(n), floor, n.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestNothingHappensBehindTheBack(t *testing.T) {
	for _, f := range files(t) {
		if f.pkg == "" {
			continue
		}
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: no init; wire it in package app", f.place(fn))
			}
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && !f.test {
				if x, ok := s.X.(*ast.Ident); ok && (x.Name == "os" && s.Sel.Name == "Exit" || x.Name == "log" && strings.HasPrefix(s.Sel.Name, "Fatal")) {
					t.Errorf("%s: only main ends the process", f.place(s))
				}
			}
			return true
		})
	}
}

// Two packages have two names, but for plug-ins of different kinds: those are named as people write them, such as a parser
// and a notifier of syslog, and only the catalog meets both.
func TestNames(t *testing.T) {
	nothing := []string{"util", "utils", "common", "helper", "helpers", "types", "base", "misc", "shared"}
	folder := map[string]string{}
	for _, f := range files(t) {
		name := f.tree.Name.Name
		if f.pkg == "" || f.test {
			continue
		}
		if slices.Contains(nothing, name) {
			t.Errorf("%s: the name %s says nothing", f.path, name)
		}
		other, taken := folder[name]
		if taken && other != f.pkg && name != "main" && (!isPlugin(other) || !isPlugin(f.pkg) || path.Dir(other) == path.Dir(f.pkg)) {
			t.Errorf("packages %s and %s are both named %s", other, f.pkg, name)
		}
		folder[name] = f.pkg
	}
}

// isPlugin reports whether a package stands in a folder of plug-ins.
func isPlugin(pkg string) bool {
	switch path.Dir(pkg) {
	case "parser", "detector", "source", "notifier":
		return true
	}
	return false
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	said, seen := map[string]string{}, map[string]bool{}
	for _, f := range files(t) {
		if f.test {
			continue
		}
		dir := path.Dir(f.path)
		seen[dir] = true
		if f.tree.Doc == nil {
			continue
		}
		if other, twice := said[dir]; twice {
			t.Errorf("%s and %s both have a package comment", other, f.path)
		}
		said[dir] = f.path
		want := "Package " + f.tree.Name.Name + " "
		if f.tree.Name.Name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		if text := f.tree.Doc.Text(); !strings.HasPrefix(text, want) || !strings.Contains(text, ".") {
			t.Errorf("%s: the package comment begins %.40q, want a sentence that begins %q", f.path, text, want)
		}
	}
	for dir := range seen {
		if said[dir] == "" {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

// A plug-in is one folder that explains itself, and one line in the catalog.
func TestPlugins(t *testing.T) {
	catalog := map[string]bool{}
	_, err := os.Stat("internal/catalog")
	wired := err == nil
	plugins := map[string]bool{}
	for _, f := range files(t) {
		if f.pkg == "catalog" {
			for _, i := range f.imports() {
				catalog[i] = true
			}
		}
		if kind := path.Dir(f.pkg); slices.Contains([]string{"source", "parser", "detector", "notifier"}, kind) && !isHelper(f.pkg) {
			plugins[f.pkg] = true
		}
	}
	for p := range plugins {
		// The replay of bundled samples is part of the demo: it has no settings and nobody names it.
		if p == "source/replay" {
			continue
		}
		if wired && !catalog[p] && path.Dir(p) != "source" { // sources are wired by app, each with its own needs
			t.Errorf("%s is not in the catalog", p)
		}
		readme, err := os.ReadFile("internal/" + p + "/README.md")
		if err != nil {
			t.Error(err)
			continue
		}
		at := -1
		for _, heading := range []string{"## What it does", "## Settings", "## Example", "## Limits"} {
			i := strings.Index("\n"+string(readme), "\n"+heading+"\n")
			if i <= at {
				t.Errorf("internal/%s/README.md: want the headings What it does, Settings, Example, Limits in this order; %q is missing or misplaced", p, heading)
			}
			at = i
		}
		if _, err := os.Stat("internal/" + p + "/sample.yaml"); err != nil && path.Dir(p) != "source" { // see sources in docs/reference
			t.Error(err)
		}
	}
}

func TestNothingIsLeftForLater(t *testing.T) {
	later := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`)
	eachFile(t, func(name string) {
		if ext := path.Ext(name); ext != ".go" && ext != ".md" && ext != ".yaml" && ext != ".yml" && name != "Makefile" {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if at := later.FindString(line); at != "" {
				t.Errorf("%s:%d: %s; do it now, or open an issue", name, i+1, at)
			}
		}
	})
}

// Links between pages point at something.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	eachFile(t, func(name string) {
		if path.Ext(name) != ".md" {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	})
}

// The page about the architecture shows the same floors.
func TestArchitecturePageHasTheFloors(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (\d) \| ([^|]+) \|`)
	shown := map[string]int{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		for name := range strings.SplitSeq(strings.ReplaceAll(m[2], "`", ""), " ") {
			if name = strings.TrimSpace(name); name != "" {
				shown[name] = int(m[1][0] - '0')
			}
		}
	}
	for name, floor := range floors {
		if at, ok := shown[name]; !ok || at != floor {
			t.Errorf("docs/architecture.md: package %s is not shown on floor %d", name, floor)
		}
		delete(shown, name)
	}
	for name := range shown {
		t.Errorf("docs/architecture.md: %s is in no floor of arch_test.go", name)
	}
}
