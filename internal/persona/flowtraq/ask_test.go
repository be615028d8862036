package flowtraq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A server is a service that notes what it is asked.
type service struct {
	api.Service // what no tool calls

	asked   []string
	traffic api.TrafficAnswer
	found   api.SessionAnswer
	err     error
	hangs   bool // it never answers
}

func (s *service) note(format string, args ...any) error {
	s.asked = append(s.asked, fmt.Sprintf(format, args...))
	return s.err
}

func (s *service) Health(context.Context) (api.Health, error) {
	return api.Health{Zone: "Europe/Berlin"}, nil
}

func (s *service) Traffic(ctx context.Context, q api.TrafficRequest) (api.TrafficAnswer, error) {
	if s.hangs {
		<-ctx.Done()
		return s.traffic, context.Cause(ctx)
	}
	return s.traffic, s.note("top %s %s %s where %q %s to %s limit %d bucket %s once %v", q.By, q.Rank, q.Side, q.Where, q.Since.UTC().Format(time.DateTime), q.Until.UTC().Format(time.DateTime), q.Limit, q.Bucket, q.Once)
}

func (s *service) FlowSessions(_ context.Context, q api.SessionRequest) (api.SessionAnswer, error) {
	return s.found, s.note("sessions where %q %s to %s limit %d oldest %v once %v", q.Where, q.Since.UTC().Format(time.DateTime), q.Until.UTC().Format(time.DateTime), q.Limit, q.Oldest, q.Once)
}

func (s *service) Users(context.Context) ([]api.User, error) {
	return []api.User{{Name: "alice", Admin: true, Sessions: 1, LastLogin: clock}, {Name: "=bob\x1b[31m", Disabled: true, Filter: `source.ip in cidr("10.0.0.0/8")`}}, s.note("users")
}
func (s *service) PutUser(_ context.Context, u api.UserEdit) error { return s.note("put %+v", u) }
func (s *service) SetRole(_ context.Context, name string, admin bool) error {
	return s.note("role %s %v", name, admin)
}
func (s *service) DeleteUser(_ context.Context, r api.UserRemoval) error {
	return s.note("delete %+v", r)
}
func (s *service) Names(_ context.Context, q api.NameRequest) ([]api.Name, error) {
	return []api.Name{{Kind: "address", Key: "192.0.2.7", Name: "mail"}}, s.note("names %+v", q)
}
func (s *service) PutNames(_ context.Context, e api.NamesEdit) (api.NamesSaved, error) {
	return api.NamesSaved{}, s.note("name %+v", e)
}
func (s *service) DeleteNames(_ context.Context, r api.NamesRemoval) (api.NamesSaved, error) {
	return api.NamesSaved{}, s.note("unname %+v", r)
}
func (s *service) Groups(_ context.Context, q api.GroupRequest) ([]api.Group, error) {
	return []api.Group{{Name: "office", Members: []string{"192.0.2.0/24", "2001:db8::/32"}}}, s.note("groups %+v", q)
}
func (s *service) PutGroups(_ context.Context, e api.GroupsEdit) (api.GroupsSaved, error) {
	return api.GroupsSaved{}, s.note("group %+v", e)
}
func (s *service) DeleteGroup(_ context.Context, name string) error {
	return s.note("ungroup %s", name)
}

// clock is now, noon of a day.
var clock = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A file is one that a tool writes.
type file struct{ bytes.Buffer }

func (*file) Close() error { return nil }

// call runs a tool against the service and returns what it printed and the files that it wrote.
func call(t *testing.T, s *service, args ...string) (printed string, files map[string]*file, err error) {
	t.Helper()
	var out bytes.Buffer
	files = map[string]*file{}
	err = Run(t.Context(), Options{
		Out: &out, Env: func(string) string { return "" }, Now: func() time.Time { return clock },
		Open: func(context.Context, Server) (api.Service, func() error, error) {
			return s, func() error { return nil }, nil
		},
		NewPassword: func() (string, error) { return "from the terminal", nil },
		Create: func(path string) (io.WriteCloser, error) {
			if strings.HasPrefix(path, "nowhere/") {
				return nil, errors.New("no such directory")
			}
			files[path] = &file{}
			return files[path], nil
		},
	}, args[0], args[1:])
	return out.String(), files, err
}

// Each call asks for what FlowTraq's manual says that it means.
func TestWhatIsAsked(t *testing.T) {
	for _, c := range []struct{ call, want string }{
		{"ns2hostsb", `top host bytes  where "" 2026-11-21 11:45:00 to 2026-11-21 12:00:00 limit 10 bucket 0s once false`},
		{"ns2hostsb -snd -tn -1h -n 25", `top host bytes sent where "" 2026-11-21 11:00:00 to 2026-11-21 12:00:00 limit 25 bucket 0s once false`},
		{"ns2countryss -rcv -tn 1M", `top country sessions received where "" 2026-10-21 11:00:00 to 2026-11-21 12:00:00 limit 10 bucket 0s once false`}, // the 21st of October at 13:00 was summer time
		{"ns2pairsup -te 11/21/26_10:00:00.000000 -tl 11/21/26_11:30:00.000000", `top pair ports  where "" 2026-11-21 09:00:00 to 2026-11-21 10:30:00 limit 10 bucket 0s once false`},
		{"ns2portsuh -q SRVPORT==22||SRVPORT==23 -ef 192.0.2.254#3 -once", `top port hosts  where "flowtraq: (SRVPORT==22||SRVPORT==23) && (EXPORTER==192.0.2.254) && (INTERFACE==3)" 2026-11-21 11:45:00 to 2026-11-21 12:00:00 limit 10 bucket 0s once true`},
		{"ns2hostsp -w", `top host packets  where "" 2026-11-21 11:45:00 to 2026-11-21 12:00:00 limit 10 bucket 15s once false`},
		{"ns2hostsp -w -tn 7d", `top host packets  where "" 2026-11-14 12:00:00 to 2026-11-21 12:00:00 limit 10 bucket 3h0m0s once false`},
		{"ftstat", `top host bytes  where "" 2026-11-21 11:45:00 to 2026-11-21 12:00:00 limit 10 bucket 0s once false`},
		{"ftstat -grp IP -cnt BYTES -snd -tn -1w -n 25", `top host bytes sent where "" 2026-11-14 12:00:00 to 2026-11-21 12:00:00 limit 25 bucket 0s once false`},
		{"ftstat -cnt unique ports -grp pair -tn -5h -n 5", `top pair ports  where "" 2026-11-21 07:00:00 to 2026-11-21 12:00:00 limit 5 bucket 0s once false`},
		{"ns2sq", `sessions where "" 2026-11-21 11:45:00 to 2026-11-21 12:00:00 limit -1 oldest true once false`},
		{"ftsq -n 3 -ei 7 -once", `sessions where "flowtraq: INTERFACE==7" 2026-11-21 11:45:00 to 2026-11-21 12:00:00 limit 3 oldest true once true`},
		{"ns2um -ul", "users"},
		{"ns2um -ua bob", "put {Name:bob Password:from the terminal Admin:false Create:true}"},
		{"ftum -uw bob", "put {Name:bob Password:from the terminal Admin:false Create:false}"},
		{"ftum -ug bob", "role bob true"},
		{"ftum -ur bob", "role bob false"},
		{"ftum -ud bob -uto *", "delete {Name:bob WithRules:false To:*}"},
		{"ftname -nl", "names {Kind: Key:}"},
		{"ftname -nl -nk AS", "names {Kind:as Key:}"},
		{"ftname -ns 192.0.2.7 -nn mail", "name {Names:[{Kind:address Key:192.0.2.7 Name:mail}] Replace:false Kind:}"},
		{"ftname -nd 192.0.2.254#3 -nk interface", "unname {Keys:[{Kind:interface Key:192.0.2.254#3}]}"},
		{"fttg -tgl", "groups {Name:}"},
		{"fttg -tgs office -tgm 192.0.2.0/24,,2001:db8::/32", "group {Groups:[{Name:office Members:[192.0.2.0/24 2001:db8::/32]}] Replace:false}"},
		{"fttg -tgd office", "ungroup office"},
	} {
		args := strings.Fields(c.call)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		s := &service{}
		if _, _, err := call(t, s, args...); err != nil || strings.Join(s.asked, "; ") != c.want {
			t.Errorf("%s: asked\n%s, %v; want\n%s", c.call, strings.Join(s.asked, "; "), err, c.want)
		}
		// What is refused is refused, and nothing is said to be done.
		s = &service{err: fault.New(fault.Denied, "may not")}
		if out, _, err := call(t, s, args...); !errors.Is(err, fault.Denied) || out != "" {
			t.Errorf("%s that is refused: printed %q, %v", c.call, out, err)
		}
	}
}

func twoHosts() *service {
	return &service{traffic: api.TrafficAnswer{Start: clock.Add(-15 * time.Minute), Bucket: 15 * time.Second, Rows: []api.TrafficRow{
		{Values: []string{"192.0.2.7"}, SentBytes: 1000, ReceivedBytes: 200, SentPackets: 10, ReceivedPackets: 2, Initiated: 3, Accepted: 0, Value: 1200, Line: []float64{700, 500}},
		{Values: []string{"=1+2\x1b[31m,\"x\""}, SentBytes: 1, Value: 1.5, Line: []float64{1.5, 0}},
	}}}
}

func TestWhatIsPrinted(t *testing.T) {
	for args, want := range map[string]string{
		"ns2hostsb": `IP                TOTAL BYTES  SENT BYTES  RECV BYTES  SENT PCKTS  RECV PCKTS  SESS. INIT  SESS. ACPT
192.0.2.7                1200        1000         200          10           2           3           0
=1+2\x1b[31m,"x"          1.5           1           0           0           0           0           0
`,
		"ns2hostsb -c": `192.0.2.7,1200,1000,200,10,2,3,0
"'=1+2\x1b[31m,""x""",1.5,1,0,0,0,0,0
`,
		"ns2hostsb -c+ -w -snd": `IP,SENT BYTES,SENT BYTES,RECV BYTES,SENT PCKTS,RECV PCKTS,SESS. INIT,SESS. ACPT,11/21/2026 12:45:00.000000,11/21/2026 12:45:15.000000
192.0.2.7,1200,1000,200,10,2,3,0,700,500
"'=1+2\x1b[31m,""x""",1.5,1,0,0,0,0,0,1.5,0
`,
		"ns2um -ul -c": `alice,administrator,yes,yes,11/21/2026 13:00:00.000000,
'=bob\x1b[31m,user,no,no,,"source.ip in cidr(""10.0.0.0/8"")"
`,
		"fttg -tgl -c+":                "GROUP,MEMBERS\noffice,\"192.0.2.0/24,2001:db8::/32\"\n",
		"ftname -nl":                   "KIND     KEY        NAME\naddress  192.0.2.7  mail\n",
		"ftname -ns 192.0.2.7 -nn m\n": "address 192.0.2.7: is called m\\n\n",
	} {
		args = strings.ReplaceAll(args, `\x1b`, "\x1b")
		got, _, err := call(t, twoHosts(), strings.Split(args, " ")...)
		if err != nil || got != strings.ReplaceAll(want, "\t", " ") {
			t.Errorf("%s: %v\n%s\nwant\n%s", args, err, got, want)
		}
	}
	// A table has a line of names and a summary also where nothing is found, CSV has neither.
	if got, _, err := call(t, &service{}, "ns2sq"); err != nil || !strings.HasPrefix(got, "CLIENT ADDRESS  CLIENT COUNTRY  CLIENT AS  ") || !strings.HasSuffix(got, "\n\nTotal sessions: 0\nTotal packets: 0\nTotal bytes: 0\n") {
		t.Errorf("no sessions: %v\n%s", err, got)
	}
	if got, _, err := call(t, &service{}, "ns2sq", "-c"); err != nil || got != "" {
		t.Errorf("no sessions as CSV: %v\n%s", err, got)
	}
}

// A picture is a TGA unless its file says otherwise, stands beside the table, and alone on standard output.
func TestPictures(t *testing.T) {
	for _, c := range []struct {
		args, file, magic string
		table             bool
	}{
		{"ns2hostsb -g", "ns2hostsb.tga", "\x00\x00\x02", true},
		{"ns2hostsb -g -gx 300 -gy 200", "ns2hostsb.tga", "\x00\x00\x02", true},
		{"ns2hostsb -g top.TGA", "top.TGA", "\x00\x00\x02", true},
		{"ns2hostsb -g top", "top", "\x00\x00\x02", true},
		{"ns2hostsb -g top.png -c", "top.png", "\x89PNG", true},
		{"ns2hostsb -g top.svg", "top.svg", "<svg", true},
		{"ns2hostsb -g -", "", "\x00\x00\x02", false},
	} {
		s := twoHosts()
		out, files, err := call(t, s, strings.Fields(c.args)...)
		picture := out
		if c.file != "" && files[c.file] != nil {
			picture = files[c.file].String()
		}
		if err != nil || !strings.HasPrefix(picture, c.magic) || strings.Contains(out, "192.0.2.7") != c.table || !strings.Contains(s.asked[0], "bucket 15s") {
			t.Errorf("%s: %v, picture %.10q, printed %.100q, asked %s", c.args, err, picture, out, s.asked)
		}
	}
	_, files, err := call(t, twoHosts(), "ns2hostsb", "-g", "p.png", "-gx", "321", "-gy", "123")
	if err != nil {
		t.Fatal(err)
	}
	if picture, err := png.Decode(files["p.png"]); err != nil || picture.Bounds().Dx() != 321 || picture.Bounds().Dy() != 123 {
		t.Errorf("the picture is %v, %v", picture.Bounds(), err)
	}
	if out, _, err := call(t, twoHosts(), "ns2hostsb", "-g", "nowhere/p.png"); err == nil || !strings.Contains(err.Error(), "-g: no such directory") || out != "" {
		t.Errorf("a picture that cannot be written: %v, printed %q", err, out)
	}
}

// Who never answers is not waited for for ever.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, _, err := call(t, &service{hangs: true}, "ns2hostsb", "-s", "flowtraq.example.com", "-un", "alice", "-up", "secret")
		if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no answer within 5m0s") || strings.Contains(err.Error(), "secret") || time.Since(began) != patience {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// Whatever the arguments are, a tool is asked for something or says why not; it never panics.
func FuzzArguments(f *testing.F) {
	f.Add("ns2hostsb -snd -tn -1h -g")
	f.Add("ftstat -cnt unique hosts -grp port -te 01/01/26")
	f.Add("ns2um -ua bob -npf -")
	f.Add("fttg -tgs a -tgm ,")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Fields(line)
		if len(args) == 0 || strings.Contains(line, "-npf") || strings.Contains(line, "-upf") || strings.Contains(line, "-al") { // they read files, and ask for alerts
			return
		}
		s := twoHosts()
		if _, _, err := call(t, s, args...); err == nil && len(s.asked) == 0 {
			t.Errorf("%q: nothing was asked, and nothing is wrong", line)
		} else if err != nil && fault.Kind(err) == nil {
			t.Errorf("%q: %v is no fault of how it was called", line, err)
		}
	})
}
