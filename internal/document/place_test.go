package document_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/document"
)

func TestExcerptPointsAtThePlace(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"value", "name: a\nseveral:\n  - over: 0s\n", `
tocsin.yaml:3: several[0].over: got 0s, want 1s or more
    3 |   - over: 0s
      |           ^`},
		{"wide characters and tabs before it", "raw: {ä: 1}\ninner: {\t# ü\n\tover: 0s}\n", "\n" + `tocsin.yaml:3: inner.over: got 0s, want 1s or more
    3 | 	over: 0s}
      | 	      ^`},
		{"missing key: the mapping that lacks it", "several:\n  - above: 1\n", `
tocsin.yaml:2: several[0].over: got 0s, want 1s or more
    2 |   - above: 1
      |     ^`},
		{"value of an unknown key is not shown", "pasword: hunter2\n", `
tocsin.yaml:1: pasword: is not known here (did you mean password?)
    1 | pasword: …
      | ^`},
		{"secret beside a mistake is blotted out", "raw: {api_token: hunter2, x: y}\nname: [\"password: hunter2\"]\n", `
tocsin.yaml:2: name: got a list, want a text
    2 | name: ["password: *********
      |       ^`},
		{"wide secret and a password in a URL keep the caret in its place", "tags: ['token: ä€', 'nats://u:pw@h', {b: c}]\n", `
tocsin.yaml:1: tags[2]: got a mapping, want a text
    1 | tags: ['token: ***, 'nats://****@h', {b: c}]
      |                                      ^`},
		{"long line is cut around the place", "tags: [" + strings.Repeat("a, ", 200) + "{b: c}, " + strings.Repeat("d, ", 200) + "]\n", `
tocsin.yaml:1: tags[200]: got a mapping, want a text
    1 | , a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, {b: c}, d, d, d, d, d, d, d, d, d, d, d, d, d, d,
      |                                                   ^`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := document.Decode("tocsin.yaml", []byte(c.text), defaults())
			if err == nil {
				t.Fatalf("Decode(%q): got no error", c.text)
			}
			var got []string
			for line := range strings.SplitSeq(err.Error(), "\n") {
				got = append(got, strings.TrimRight(line, " "))
			}
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), strings.Join(got, "\n")); diff != "" {
				t.Errorf("Decode(%q): want - got +\n%s", c.text, diff)
			}
		})
	}
}

func TestMistakesAreBounded(t *testing.T) {
	got := mistakes(t, "several:\n"+strings.Repeat("- 3\n", 1000))
	if len(got) != document.MaxMistakes+1 {
		t.Errorf("Decode: got %d mistakes, want %d and a line that counts the rest", len(got), document.MaxMistakes)
	}
}

func TestHostileDocuments(t *testing.T) {
	bomb := "raw:\n  a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("  %c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	deepAliases := "raw:\n  a0: &a0 [x]\n"
	for i := 1; i < 100; i++ {
		deepAliases += fmt.Sprintf("  a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	for _, c := range []struct{ name, text, want string }{
		{"huge", strings.Repeat("#", document.MaxSize+1), "want a document of 4MiB or less"},
		{"many tiny values", "raw: [" + strings.Repeat("a,", document.MaxMarks), "separators"},
		{"many values", "raw: [" + strings.Repeat("a,", document.MaxNodes) + "]", "more than 400000 values"},
		{"deep lists", "raw: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "nested deeper than 64"},
		{"deeper lists than the library takes", "raw: " + strings.Repeat("[", 90000), "depth"},
		{"deep mappings", "raw: " + strings.Repeat("{a: ", 9000) + strings.Repeat("}", 9000), "nested deeper than 64"},
		{"bomb of aliases", bomb, "aliases stand for more than 400000 values"},
		{"deep by aliases", deepAliases, "nested deeper than 64"},
		{"one alias a thousand times", "raw:\n  a: &a [" + strings.Repeat("x,", 1000) + "]\n  b: [" + strings.Repeat("*a,", 1000) + "]\n", "aliases stand for more than"},
		{"many values below a long key", "raw:\n  " + strings.Repeat("k", 1000_000) + ":\n" + strings.Repeat("  - !!str a\n", 100_000), "tag !!str is not read"},
		{"many mistakes in a long line", "raw: [" + strings.Repeat("!!str a,", 300_000) + "]", "tag !!str is not read"},
		{"many mistakes behind wide characters", "raw: [" + strings.Repeat("'ä', ", 100_000) + strings.Repeat("*x, ", 3) + "]", "unknown anchor"},
		{"many unknown keys", "a: 1\n" + strings.Repeat("several: 3\n", 100_000), "stands twice"},
		{"NUL", "name: \x00\n", "control characters are not allowed"},
		{"UTF-16", "\xff\xfen\x00a\x00", "is not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := document.Decode("f", []byte(c.text), defaults())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Decode: got %.300v, want an error with %q", err, c.want)
			}
		})
	}
}

// A value of a secret is blotted out in long lines as well, of which only a part is looked at.
func TestLongLineHidesSecrets(t *testing.T) {
	text := "raw: {" + strings.Repeat("ä: 1, ", 1000) + "}\ntags: [" + strings.Repeat("ö, ", 3000) + "'token: hunter2', {a: b}]\n"
	err := document.Decode("f", []byte(strings.ReplaceAll(text, "ä: 1, ", "")), defaults())
	if err == nil || !strings.Contains(err.Error(), "token: ***") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Decode: got %v, want a mistake with the secret blotted out", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || []rune(lines[1])[len([]rune(lines[2]))-1] != '{' {
		t.Errorf("Decode: the caret of %q is not below the mapping", err)
	}
}

func TestBigDocumentIsRead(t *testing.T) {
	text := "several:\n" + strings.Repeat("- {over: 10m, by: [source.ip, user.name]}\n", 30_000)
	got := defaults()
	if err := document.Decode("f", []byte(text), got); err != nil || len(got.Several) != 30_000 {
		t.Errorf("Decode: got %d items and %v, want 30000", len(got.Several), err)
	}
}

func TestNode(t *testing.T) {
	root, err := document.Parse("rules.yaml", []byte("# head\nrules:\n- name: ssh # why\n  detect: {threshold: {over: 0s}}\n- detect: absence\n- detect: {treshold: {}}\n- detect: {a: 1, b: 2}\n- detect:\n"))
	if err != nil {
		t.Fatal(err)
	}
	list, _ := root.Get("rules")
	rules := list.Items()
	if got := rules[0].Keys(); !cmp.Equal(got, []string{"name", "detect"}) {
		t.Errorf("Keys: got %q", got)
	}
	if _, ok := rules[0].Get("where"); ok {
		t.Error("Get: found a key that is not there")
	}
	names := []string{"absence", "threshold"}
	choose := func(i int) (string, document.Node, error) {
		detect, _ := rules[i].Get("detect")
		return detect.One(names)
	}
	name, settings, err := choose(0)
	if err != nil || name != "threshold" {
		t.Fatalf("One: got %q and %v", name, err)
	}
	if got := lines(t, settings.Decode(&inner{})); !cmp.Equal(got, []string{"rules.yaml:4: rules[0].detect.threshold.over: got 0s, want 1s or more"}) {
		t.Errorf("Node.Decode: got %q", got)
	}
	name, settings, err = choose(1)
	if err != nil || name != "absence" || !settings.IsZero() {
		t.Errorf("One: got %q, %v and %v, want absence without settings", name, settings, err)
	}
	if got := lines(t, settings.Decode(&inner{})); !cmp.Equal(got, []string{"rules.yaml: rules[1].detect.absence.over: got 0s, want 1s or more"}) {
		t.Errorf("Decode of settings left out: got %q", got)
	}
	var errs []error
	for i := 4; i >= 2; i-- {
		_, _, err := choose(i)
		errs = append(errs, err)
	}
	if diff := cmp.Diff([]string{
		`rules.yaml:6: rules[2].detect: got "treshold", want absence or threshold (did you mean threshold?)`,
		`rules.yaml:7: rules[3].detect: got 2 keys, want one of absence or threshold`,
		`rules.yaml:8: rules[4].detect: got nothing, want one of absence or threshold`,
	}, lines(t, document.Join(errs...))); diff != "" {
		t.Errorf("Join of errors of One: want - got +\n%s", diff)
	}
	located := rules[0].Locate(errors.Join(errors.New("name: is taken"), document.At("detect.threshold", "x", "y"), errors.New("free text: no key")))
	if diff := cmp.Diff([]string{
		`rules.yaml:3: rules[0].name: is taken`,
		`rules.yaml:3: rules[0]: free text: no key`,
		`rules.yaml:4: rules[0].detect.threshold: got "x", want y`,
	}, sorted(lines(t, located))); diff != "" {
		t.Errorf("Locate: want - got +\n%s", diff)
	}
	if rules[0].Locate(nil) != nil {
		t.Error("Locate(nil): got an error")
	}
	if got, want := rules[0].String(), "name: ssh # why\ndetect: {threshold: {over: 0s}}"; got != want {
		t.Errorf("String: got %q, want %q", got, want)
	}
	var zero document.Node
	if err := zero.Decode(&inner{Over: 1e9}); err != nil || zero.String() != "" || zero.Keys() != nil || zero.Items() != nil {
		t.Errorf("zero Node: got %v", err)
	}
}
