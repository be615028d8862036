package flowtraq

import (
	"slices"
	"strings"

	"tocsin/internal/traq"
)

// An option is one that some tools take.
type option struct {
	name  string
	of    kind // tools that take it
	value string
	// loose says that the value may be left out, as that of -g.
	loose bool
	doc   string
}

// options are all that tools take, in the order in which people read them. docs/flowtraq.md holds the same.
func options() []option {
	return []option{
		{name: "-s", of: all, value: "HOST", doc: "tocsin to ask, as HOST, HOST:PORT or the URL of a proxy (default localhost)"},
		{name: "-p", of: all, value: "PORT", doc: "its port (default " + Port + ")"},
		{name: "-un", of: all, value: "USER", doc: "account (" + EnvUser + ")"},
		{name: "-upf", of: all, value: "FILE", doc: "file that holds its password and that nobody else may read"},
		{name: "-up", of: all, value: "PASS", doc: "password; better in -upf or " + EnvPassword + ", where no list of processes shows it"},

		{name: "-grp", of: statistic, value: "ENTITY", doc: "what is ranked: ip, pair, port, country, client, server, as, group, proto, app, exporter, interface (default ip)"},
		{name: "-cnt", of: statistic, value: "METRIC", doc: "by what: bytes, packets, sessions, unique hosts, unique ports (default bytes)"},
		{name: "-q", of: flows, value: "FILTER", doc: "only flows that FlowTraq's filter selects"},
		{name: "-e", of: flows, value: "ADDRESS", doc: "only what this exporter told"},
		{name: "-ei", of: flows, value: "INDEX", doc: "only what came in or went out by the interface of this SNMP index"},
		{name: "-ef", of: flows, value: "ADDRESS#INDEX", doc: "both: only what went through this interface of this exporter"},
		{name: "-tn", of: flows, value: "SPEC", doc: "of the last SPEC: 15m, -1h, 1d12h, units Y M w d h m s (default 15m); with -tl, before that"},
		{name: "-te", of: flows, value: "TIME", doc: `not before this: MM/DD/YY hh:mm:ss.usec`},
		{name: "-tl", of: flows, value: "TIME", doc: "before this (default now)"},
		{name: "-snd", of: ranked, doc: "rank by what was sent, or by sessions that were initiated (default: both)"},
		{name: "-rcv", of: ranked, doc: "rank by what was received, or by sessions that were accepted"},
		{name: "-n", of: flows, value: "N", doc: "rows at most (default 10; of sessions all)"},
		{name: "-once", of: flows, doc: "count what several exporters tell of once"},
		{name: "-w", of: ranked, doc: "the line over time of each row as well"},
		{name: "-g", of: ranked, value: "FILE", loose: true, doc: "draw the lines into a picture, by its ending .tga, .png or .svg (default NAME.tga); - for standard output"},
		{name: "-gx", of: ranked, value: "N", doc: "pixels that the picture is wide (default 800)"},
		{name: "-gy", of: ranked, value: "N", doc: "pixels that it is high (default 400)"},
		{name: "-c", of: all, doc: "print CSV (default: a table)"},
		{name: "-c+", of: all, doc: "print CSV with a line of names"},

		{name: "-al", of: all, doc: "list alerts, and nothing else"},
		{name: "-au", of: all, value: "USER", doc: "of this user (default: who asks); another's needs an administrator"},
		{name: "-at", of: all, value: "SPEC", doc: "with a trigger in the last SPEC (default: all)"},

		{name: "-ul", of: accounts, doc: "list accounts"},
		{name: "-ua", of: accounts, value: "NAME", doc: "add an account"},
		{name: "-uw", of: accounts, value: "NAME", doc: "change the password of an account"},
		{name: "-ug", of: accounts, value: "NAME", doc: "grant administrative privileges"},
		{name: "-ur", of: accounts, value: "NAME", doc: "revoke them; nobody's own"},
		{name: "-ud", of: accounts, value: "NAME", doc: "delete an account that is not logged in"},
		{name: "-uto", of: accounts, value: "NAME", doc: "with -ud: hand its rules over to this account, * to everybody"},
		{name: "-npf", of: accounts, value: "FILE", doc: "with -ua and -uw: file with the new password in its first line; else it is asked for"},

		{name: "-nl", of: naming, doc: "list names"},
		{name: "-nk", of: naming, value: "KIND", doc: "of what: address, network, exporter, interface or as (default: address)"},
		{name: "-ns", of: naming, value: "KEY", doc: "give this a name: 192.0.2.7, 192.0.2.0/24, 192.0.2.254#3, 64500"},
		{name: "-nn", of: naming, value: "NAME", doc: "with -ns: the name"},
		{name: "-nd", of: naming, value: "KEY", doc: "take the name of this back"},

		{name: "-tgl", of: grouping, doc: "list traffic groups"},
		{name: "-tgs", of: grouping, value: "NAME", doc: "make a traffic group, or give it other members"},
		{name: "-tgm", of: grouping, value: "LIST", doc: "with -tgs: its members with commas between, as 192.0.2.0/24,198.51.100.7:443/tcp"},
		{name: "-tgd", of: grouping, value: "NAME", doc: "delete a traffic group"},
	}
}

// listing are the options that make sense beside -al, besides -al.
var listing = [...]string{"-s", "-p", "-un", "-up", "-upf", "-au", "-at"}

// A question is what the arguments of a tool ask.
type question struct {
	tool  tool
	given map[string]string // options that were given, with their values
}

func (q *question) has(name string) bool {
	_, ok := q.given[name]
	return ok
}

// parse reads the arguments of a tool. What it does not understand it refuses: a script that means something by it must not
// get the answer to another question.
func parse(t tool, args []string) (question, error) {
	q := question{t, map[string]string{}}
	known := options()
	for len(args) > 0 {
		name := args[0]
		args = args[1:]
		if q.has(name) {
			return q, misused(t.name, "%s is given twice", name)
		}
		at := slices.IndexFunc(known, func(o option) bool { return o.name == name })
		if at < 0 || known[at].of&t.kind == 0 {
			return q, unknown(t, name, at >= 0)
		}
		value, rest, err := known[at].take(t, args)
		if err != nil {
			return q, err
		}
		q.given[name], args = value, rest
	}
	return q, q.check()
}

// take reads the value of an option from the arguments behind it, and returns those behind that.
func (o option) take(t tool, args []string) (value string, rest []string, err error) {
	switch {
	case o.value == "":
		return "", args, nil
	case o.loose && (len(args) == 0 || strings.HasPrefix(args[0], "-") && args[0] != "-"):
		return "", args, nil
	case len(args) == 0 || args[0] == "":
		return "", nil, misused(t.name, "%s: want a value behind it (%s)", o.name, o.value)
	case o.name == "-cnt" && strings.EqualFold(args[0], traq.Unique) && len(args) > 1: // its metric has two words
		return args[0] + " " + args[1], args[2:], nil
	default:
		return args[0], args[1:], nil
	}
}

// check refuses options that contradict each other.
func (q *question) check() error {
	for _, pair := range [...][2]string{{"-up", "-upf"}, {"-snd", "-rcv"}, {"-c", "-c+"}, {"-ef", "-e"}, {"-ef", "-ei"}, {"-tn", "-te"}} {
		if q.has(pair[0]) && q.has(pair[1]) {
			return misused(q.tool.name, "want %s or %s, not both", pair[0], pair[1])
		}
	}
	for _, pair := range [...][2]string{{"-au", "-al"}, {"-at", "-al"}, {"-gx", "-g"}, {"-gy", "-g"}, {"-uto", "-ud"}, {"-nn", "-ns"}, {"-tgm", "-tgs"}} {
		if q.has(pair[0]) && !q.has(pair[1]) {
			return misused(q.tool.name, "%s: is for %s, which is missing", pair[0], pair[1])
		}
	}
	if !q.has("-al") {
		return nil
	}
	for name := range q.given {
		if name != "-al" && !slices.Contains(listing[:], name) {
			return misused(q.tool.name, "%s: has no meaning beside -al, which lists alerts; want -al with %s", name, strings.Join(listing[:], ", "))
		}
	}
	return nil
}

// unknown says that a tool does not take an argument, and what it takes.
func unknown(t tool, name string, elsewhere bool) error {
	var takes []string
	for _, o := range options() {
		if o.of&t.kind != 0 {
			takes = append(takes, o.name)
		}
	}
	list := strings.Join(takes, ", ")
	switch {
	case name == "-us":
		return misused(t.name, "-us: what it said of the account stands in no manual that is left; say who asks by -un and -upf")
	case !strings.HasPrefix(name, "-"):
		return misused(t.name, "argument %q belongs to no option", name)
	case elsewhere:
		return misused(t.name, "%s is for other tools; want some of %s", name, list)
	default:
		return misused(t.name, "%q is no option, want some of %s", name, list)
	}
}

// Usage lists the options of a tool for its help.
func Usage(name string) string {
	t, _ := toolOf(name)
	var b strings.Builder
	for _, o := range options() {
		if o.of&t.kind == 0 {
			continue
		}
		left := strings.TrimSpace(o.name + " " + o.value)
		b.WriteString("  " + left + strings.Repeat(" ", max(1, 19-len(left))) + o.doc + "\n")
	}
	return b.String()
}
