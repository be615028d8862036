package main

import "path/filepath"

// The roles of data. Rules may be changed for what they do on tuning data; held-out data only says how good they are.
const (
	tuning  = "tuning"
	heldOut = "held-out"
)

// A dataset is one log.
type dataset struct {
	role, name string
	path       string // from the root of the repository, or below -data when outside is set
	outside    bool
	format     string // empty: recognised
	what       string
}

// traffic is what people and programs did on an ordinary day. Servers on the internet are scanned every day, so some of the
// alerts about them are right.
var traffic = [...]dataset{
	{role: tuning, name: "semicomplete.com 2015", path: "testdata/real/apache_logs", what: "elastic/examples, Apache-2.0"},
	{role: tuning, name: "loghub Linux", path: "loghub/Linux/Linux_2k.log", outside: true, format: "syslog", what: "logpai/loghub; a server under SSH and FTP guessing"},
	{role: heldOut, name: "twiki 2004", path: "reference-apps/logs_analyzer/data/apache.access.log", outside: true, what: "databricks/reference-apps"},
	{role: heldOut, name: "NASA 1995, its first hour", path: "logisland-quickstarts/data/access.log", outside: true, what: "Hurence/logisland-quickstarts"},
	{role: heldOut, name: "loghub Mac", path: "loghub/Mac/Mac_2k.log", outside: true, format: "syslog", what: "logpai/loghub"},
	{role: heldOut, name: "loghub OpenSSH", path: "loghub/OpenSSH/OpenSSH_2k.log", outside: true, format: "syslog", what: "logpai/loghub; a server under SSH guessing"},
	{role: heldOut, name: "elastic auth.log", path: "examples/Machine Learning/Security Analytics Recipes/suspicious_login_activity/data/auth.log", outside: true, format: "syslog", what: "elastic/examples; a server under SSH guessing"},
}

// scans are logs of servers while a scanner of known name ran, and nothing else.
var scans = [...]dataset{
	{role: heldOut, name: "Acunetix", path: "apache-http-logs/acunetix.txt", outside: true, format: "combined", what: "ocatak/apache-http-logs"},
	{role: heldOut, name: "Netsparker", path: "apache-http-logs/netsparker.txt", outside: true, format: "combined", what: "ocatak/apache-http-logs"},
	{role: heldOut, name: "w3af", path: "apache-http-logs/w3af.txt", outside: true, format: "combined", what: "ocatak/apache-http-logs"},
}

// Labelled attacks.
const (
	hubTests    = "hub/.tests"                            // crowdsecurity/hub, MIT: a scenario's log and who is found in it
	detonations = "stratus-red-team/docs/detonation-logs" // DataDog/stratus-red-team, Apache-2.0: what one technique leaves behind
	ownRecords  = "testdata/real/cloudtrail"              // some of these, in this repository: for tuning
)

// file returns where a dataset lies.
func (j *judge) file(d dataset) string {
	if d.outside {
		return filepath.Join(j.data, d.path)
	}
	return d.path
}

// hubRole parts the scenario tests by their names: a to m, and those of CVE numbers, are for tuning, n to z held out.
func hubRole(name string) string {
	if name[0] >= 'n' && name[0] <= 'z' {
		return heldOut
	}
	return tuning
}
