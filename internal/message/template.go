package message

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// step is the function that every loop and every template calls first. A template cannot call it under another name, and
// gains nothing by calling it.
const step = "step"

// errSteps ends a template that runs on and on.
var errSteps = fmt.Errorf("more than %d steps: does it loop?", maxSteps)

// functions are what templates may call besides those of Go's text/template.
func functions() map[string]any {
	return map[string]any{
		step:       func() (string, error) { return "", nil }, // replaced at each run by one that counts
		"upper":    strings.ToUpper,
		"lower":    strings.ToLower,
		"truncate": truncate,
		"indent":   indent,
		"defang":   strings.NewReplacer("http", "hxxp", ".", "[.]", "@", "[at]").Replace,
		"join":     func(by string, parts []string) string { return strings.Join(parts, by) },
	}
}

// truncate cuts text to n characters, the last of them an ellipsis.
func truncate(n int, text string) string {
	runes := []rune(text)
	if n < 1 || len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

// indent puts n blanks, at most 40, before every line.
func indent(n int, text string) string {
	by := strings.Repeat(" ", min(max(n, 0), 40))
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}

// parseAll compiles the three templates; the error names each that is wrong.
func parseAll(t Templates) (*set, error) {
	s := &set{}
	var mistakes []error
	text := func(name, source string) *texttemplate.Template {
		if len(source) > MaxTemplate {
			mistakes = append(mistakes, fmt.Errorf("template %s: %d bytes, want %d or fewer", name, len(source), MaxTemplate))
			return nil
		}
		parsed, err := texttemplate.New(name).Funcs(functions()).Option("missingkey=error").Parse(source)
		if err != nil {
			mistakes = append(mistakes, worded(err))
			return nil
		}
		for _, each := range parsed.Templates() {
			count(each.Tree)
		}
		return parsed
	}
	s.subject, s.text = text("subject", t.Subject), text("text", t.Text)
	if html := text("html", t.HTML); html != nil { // counted, and then read again by the package that escapes
		var err error
		s.html = htmltemplate.New("html").Funcs(functions()).Option("missingkey=error")
		for _, each := range html.Templates() {
			if _, err = s.html.AddParseTree(each.Name(), each.Tree); err != nil {
				mistakes = append(mistakes, worded(err))
			}
		}
	}
	return s, errors.Join(mistakes...)
}

// worded takes the Go package's name off an error: "text:3: unexpected ...".
func worded(err error) error {
	text := err.Error()
	for _, prefix := range []string{"template: ", "html/template: ", "html/template:"} {
		text = strings.TrimPrefix(text, prefix)
	}
	return errors.New("template " + text)
}

// count makes a template and the bodies of its loops begin with a step.
func count(t *parse.Tree) {
	if t == nil || t.Root == nil {
		return
	}
	walk(t.Root)
	t.Root.Nodes = append([]parse.Node{stepNode()}, t.Root.Nodes...)
}

func walk(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.RangeNode:
			walk(n.List)
			walk(n.ElseList)
			n.List.Nodes = append([]parse.Node{stepNode()}, n.List.Nodes...)
		case *parse.IfNode:
			walk(n.List)
			walk(n.ElseList)
		case *parse.WithNode:
			walk(n.List)
			walk(n.ElseList)
		}
	}
}

// stepNode is {{step}} as it is read from a template.
func stepNode() parse.Node {
	tree := texttemplate.Must(texttemplate.New("").Funcs(functions()).Parse("{{" + step + "}}"))
	return tree.Root.Nodes[0]
}

// counter returns the functions of one run, whose steps are counted.
func counter() map[string]any {
	left := maxSteps
	return map[string]any{step: func() (string, error) {
		if left--; left < 0 {
			return "", errSteps
		}
		return "", nil
	}}
}

func run(t *texttemplate.Template, w io.Writer, f Facts) error {
	own, err := t.Clone() // each run counts for itself
	if err != nil {
		return worded(err)
	}
	if err := own.Funcs(counter()).Execute(w, f); err != nil {
		return worded(err)
	}
	return nil
}

func runHTML(t *htmltemplate.Template, w io.Writer, f Facts) error {
	own, err := t.Clone()
	if err != nil {
		return worded(err)
	}
	if err := own.Funcs(counter()).Execute(w, f); err != nil {
		return worded(err)
	}
	return nil
}
