package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// loop is the script of FlowTraq's manual (chapter Alert Notifications), whose pages fold long lines with a slash. It ends
// within its here-document, as it does there.
const loop = `#! /bin/bash

function getAlerts()
{
  /opt/flowtraq/cmdline/ns2hostsb -s flowtraq.example.com /
  -un alertuser -up MASKED -al -au alertuser -at -1m
}

while read line
do
	echo "Processing Alert: " $line
	# add your own code here to parse the details of 
	# the alert and take action accordingly
done <<EOF
$(getAlerts)
`

// once is the call that the manual shows, folded as there.
const once = `/opt/flowtraq/cmdline/ns2hostsb -s flowtraq.example.com /
-un alertuser -up MASKED -al -au alertuser -at -3m
`

// The scripts of FlowTraq's users run as they are: only where the server and the tools are, and the password, are others than
// in the manual. The daemon is found at FlowTraq's port, and names rules by FlowTraq's words.
func TestFlowTraqScripts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	host := loopback()
	config := filepath.Join(dir, "tocsin.yaml")
	write(t, config, strings.Replace(quietConfig, `listen: "off"`, `listen: "off", flowtraq: "`+host+`:9640"`, 1), 0o600)
	data, tools := filepath.Join(dir, "data"), filepath.Join(dir, "opt", "flowtraq", "cmdline")
	serve := command(t, data, "", "serve", "--config", config)
	serve.Env = append(serve.Env, "TZ=America/New_York")
	d := launch(t, data, serve)

	password := "correct horse battery"
	write(t, filepath.Join(dir, "password"), password+"\n", 0o600)
	for _, args := range [][]string{{"users", "add", "alertuser"}, {"users", "add", "other"}, {"users", "add", "boss", "--admin"}} {
		output(t, command(t, data, "", append(args, "--password-file", filepath.Join(dir, "password"))...))
	}
	// Both rules of the manual's output, as their numbers are: those before are of other people's.
	for i, r := range []struct{ owner, detect string }{
		{"other", "{threshold: {metric: count, by: [destination.ip], over: 1h, above: 0}}"},
		{"alertuser", "{threshold: {metric: count, by: [source.ip], over: 1h, above: 2}}"},
		{"alertuser", "{threshold: {metric: sum(source.bytes), by: [source.ip], over: 1h, above: 1}}"},
	} {
		path := filepath.Join(dir, fmt.Sprintf("rule%d.yaml", i))
		write(t, path, fmt.Sprintf("name: rule%d\nfrom: flow\ndetect: %s\nseverity: MEDIUM\n", i, r.detect), 0o600)
		output(t, command(t, data, "", "rules", "add", path, "--owner", r.owner))
	}
	output(t, command(t, data, "", "faces", "install", tools))

	last := time.Now().Add(-2 * time.Second).Truncate(time.Microsecond)
	var body bytes.Buffer
	for i, at := range []time.Time{last.Add(-2 * time.Second), last.Add(-time.Second), last} {
		line, err := json.Marshal(map[string]any{"@timestamp": at, "event.kind": "flow", "source.ip": "192.0.2.7", "destination.ip": "198.51.100.1", "source.bytes": 10 * (i + 1)})
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	d.postKind("flow", body.Bytes())

	numbers := d.ruleNumbers()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	// The sum is above its limit at each flow, the number of sessions at the third alone.
	want := regexp.MustCompile(`^(\S+ \S+  ` + numbers["rule2"] + ` MEDIUM "Upper threshold exceeded on bytes sent for address 192\.0\.2\.7\." ID=\d+ type=ANALYTICAL state=NOT-ACKNOWLEDGED user=alertuser v1=\d+ v2=1\n` +
		`|` + regexp.QuoteMeta(last.In(zone).Format("01/02/2006 15:04:05.000000")) + `  ` + numbers["rule1"] + ` MEDIUM "Upper threshold exceeded on sessions initiated for address 192\.0\.2\.7\." ID=\d+ type=ANALYTICAL state=NOT-ACKNOWLEDGED user=alertuser v1=1 v2=2\n){2}$`)
	script := func(text string) *exec.Cmd {
		text = regexp.MustCompile(` /\n *`).ReplaceAllString(text, " ") // unfolded
		text = strings.NewReplacer("/opt/flowtraq/cmdline", tools, "flowtraq.example.com", host, "MASKED", "'"+password+"'").Replace(text)
		path := filepath.Join(t.TempDir(), "script")
		write(t, path, text, 0o700)
		cmd := exec.Command("bash", path)
		cmd.Env = []string{childVar + "=1", atOnce, "HOME=" + dir, "PATH=/nowhere", "TZ=Asia/Tokyo"} // the zone is the daemon's
		return cmd
	}
	var got string
	for deadline := time.Now().Add(patience); ; <-time.After(50 * time.Millisecond) {
		if got = output(t, script(once)); want.MatchString(got) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the manual's call prints\n%swant it to match %s\n%s", got, want, d.said)
		}
	}

	processed := output(t, script(loop))
	for line := range strings.Lines(got) {
		// The script names its line without quotes, which makes one blank of two.
		if told := "Processing Alert:  " + strings.Replace(line, "  ", " ", 1); !strings.Contains(processed, told) {
			t.Errorf("the manual's loop prints\n%swhich lacks\n%s", processed, told)
		}
	}
	if n := strings.Count(processed, "\n"); n != 2 {
		t.Errorf("the manual's loop prints %d lines, want 2:\n%s", n, processed)
	}
	t.Run("of another user", func(t *testing.T) { flowTraqOfOthers(t, tools, host, password) })

	output(t, command(t, data, "", "alerts", "ack", "1", "2", "3"))
	if got := output(t, script(once)); strings.Count(got, " state=ACKNOWLEDGED ") != 2 {
		t.Errorf("after all alerts were acknowledged:\n%s", got)
	}

	// A rule that is made again is another one: no number is ever used twice, and that of the first stays with its alerts.
	output(t, command(t, data, "", "rules", "delete", "rule2", "--owner", "alertuser"))
	output(t, command(t, data, "", "rules", "add", filepath.Join(dir, "rule2.yaml"), "--owner", "alertuser"))
	for name, number := range numbers {
		if again := d.ruleNumbers()["rule2"]; again == number {
			t.Errorf("rule2, made again, has number %s, which was that of %s", again, name)
		}
	}
	if got := output(t, script(once)); !strings.Contains(got, "  "+numbers["rule2"]+` MEDIUM "rule2: 192.0.2.7: `) {
		t.Errorf("after rule2 was deleted and made again:\n%swant its alert with the old number %s", got, numbers["rule2"])
	}
	d.stop()
}

// ruleNumbers returns the number of each rule by name.
func (d *daemon) ruleNumbers() map[string]string {
	d.t.Helper()
	var rules []struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	d.ask("GET", "/api/v1/rules?owner=*", &rules)
	numbers := map[string]string{}
	for _, r := range rules {
		numbers[r.Name] = strconv.FormatInt(r.ID, 10)
	}
	return numbers
}

// flowTraqOfOthers: the alerts of another user are the administrator's to see, and nobody is shown a row of them otherwise.
func flowTraqOfOthers(t *testing.T, tools, host, password string) {
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, password+"\n", 0o600)
	for _, c := range []struct {
		name, as, of string
		env          []string
		args         []string
		exit, rows   int
		says         string
	}{
		{"another's", "alertuser", "other", nil, []string{"-up", password}, 1, 0, `alerts of user "other": only an administrator may see them`},
		{"who is nobody", "alertuser", "nobody", nil, []string{"-up", password}, 1, 0, "only an administrator"},
		{"by an administrator", "boss", "other", nil, []string{"-up", password}, 0, 1, ""},
		{"with a file", "alertuser", "alertuser", nil, []string{"-upf", file}, 0, 2, ""},
		{"with the environment", "", "alertuser", []string{"TOCSIN_USER=alertuser", "TOCSIN_PASSWORD=" + password}, nil, 0, 2, ""},
		{"with a wrong password", "alertuser", "alertuser", nil, []string{"-up", "hunter2"}, 1, 0, "name and password, or token, are not right"},
		{"with none", "alertuser", "alertuser", nil, nil, 2, 0, "want the password of alertuser"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"-s", host, "-al", "-au", c.of, "-at", "1h"}, c.args...)
			if c.as != "" {
				args = append(args, "-un", c.as)
			}
			cmd := exec.Command(filepath.Join(tools, "ns2pairss"), args...)
			cmd.Env = append([]string{childVar + "=1", atOnce, "HOME=/nowhere"}, c.env...)
			var out, said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &said
			_ = cmd.Run() // its exit code is looked at
			if got := cmd.ProcessState.ExitCode(); got != c.exit || strings.Count(out.String(), "\n") != c.rows || !strings.Contains(said.String(), c.says) {
				t.Errorf("exit code %d, want %d; printed %q, want %d rows; said %q, want %q", got, c.exit, &out, c.rows, &said, c.says)
			}
			if all := out.String() + said.String(); strings.Contains(all, password) || strings.Contains(all, "hunter2") {
				t.Errorf("the password is shown: %s", all)
			}
		})
	}
}

// loopback is an address of this machine that no other test uses, for a port that is always the same.
func loopback() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

// FlowTraq's port is listened on without being asked for, where it is free. Where it is taken tocsin does without, unless it was
// asked for.
func TestFlowTraqPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, host := filepath.Join(dir, "tocsin.yaml"), loopback()
	write(t, config, strings.Replace(quietConfig, `"off"`, `":0"`, 1)+"bind: "+host+"\n", 0o600)
	refused := func() {
		t.Helper()
		cmd := command(t, filepath.Join(dir, "other"), "", "ns2hostsb", "-s", host, "-un", "nobody", "-up", "wrong password", "-al")
		said, _ := cmd.CombinedOutput() // its exit code is looked at
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(said), "name and password, or token, are not right") {
			t.Errorf("ns2hostsb at FlowTraq's port: exit code %d, %s", cmd.ProcessState.ExitCode(), said)
		}
	}
	data := filepath.Join(dir, "data")
	first := start(t, data, config, "")
	refused()
	second := start(t, filepath.Join(dir, "second"), config, "")
	second.told("FlowTraq's tools are not answered")
	if !second.alive() {
		t.Errorf("a second tocsin does not do without the port: %s", second.said)
	}
	second.stop()
	refused()

	write(t, config, strings.Replace(quietConfig, `"off"`, `":0", flowtraq: ":9640"`, 1)+"bind: "+host+"\n", 0o600)
	third := start(t, filepath.Join(dir, "third"), config, "")
	if third.alive() || !strings.Contains(third.said.String(), "listen for FlowTraq's tools") || !strings.Contains(third.said.String(), "set http.flowtraq") {
		t.Errorf("a tocsin that is to have the port says %s, want that it cannot", third.said)
	}
	first.stop()

	write(t, config, strings.Replace(quietConfig, `"off"`, `":0", flowtraq: "off"`, 1)+"bind: "+host+"\n", 0o600)
	off := start(t, data, config, "")
	if l, err := net.Listen("tcp", host+":9640"); err != nil {
		t.Errorf("the port is not left alone: %v", err)
	} else {
		_ = l.Close()
	}
	off.stop()
}

// output runs a command that must end well and returns what it printed.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, &said)
	}
	return string(out)
}

// postKind sends events of a kind.
func (d *daemon) postKind(kind string, body []byte) {
	d.t.Helper()
	res, err := d.http.Post("http://tocsin/api/v1/events?kind="+kind, "application/x-ndjson", bytes.NewReader(body))
	if err != nil {
		d.t.Fatalf("%v\n%s", err, d.said)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		d.t.Fatalf("post %s events: %s", kind, res.Status)
	}
}
