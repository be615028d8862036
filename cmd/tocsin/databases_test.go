package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/internal/enrich/enrichtest"
)

// scriptDatabase writes a database of addresses: what it says of 192.0.2.0/24 and 2001:db8::/32 are a country and a city, and an
// autonomous system.
func scriptDatabase(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: database FILE COUNTRY CITY")
	}
	record := enrichtest.City(args[1], args[2])
	for name, value := range enrichtest.AS(64500, "Example Net") {
		record[name] = value
	}
	of := map[string]map[string]any{"192.0.2.0/24": record, "2001:db8::/32": record}
	path := ts.MkAbs(args[0])
	// As those who fetch databases do: what is there is replaced as a whole.
	ts.Check(os.WriteFile(path+".new", enrichtest.Database{Of: of}.Encode(), 0o600))
	ts.Check(os.Rename(path+".new", path))
}
