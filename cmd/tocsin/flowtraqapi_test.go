package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// api asks FlowTraq's JSON API as its manual's example does.
func (s *flowtraqSite) api(t *testing.T) {
	res, err := http.PostForm("http://"+s.host+"/flowtraq/api/v1/auth", url.Values{"server": {"localhost"}, "port": {"9640"}, "username": {"boss"}, "password": {"correct horse battery"}})
	if err != nil {
		t.Fatal(err)
	}
	var auth struct {
		Token string `json:"auth_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&auth); err != nil || auth.Token == "" {
		t.Fatalf("auth: %s, %v", res.Status, err)
	}
	res.Body.Close()
	ask := func(path string, into any) string {
		t.Helper()
		res, err := http.Get("http://" + s.host + "/flowtraq/api/v1/" + path + "auth_token=" + auth.Token)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v in %s", path, err, text)
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, entity := range []string{"hosts", "ports", "pairs", "countrys", "as"} {
		for _, rank := range []string{"b", "p", "s", "up", "uh"} {
			if entity+rank == "portsup" || entity+rank == "pairsuh" {
				continue
			}
			sides := map[string]string{"direction=snd&": "-snd", "direction=rcv&": "-rcv", "direction=both&": "", "": "-snd"}
			switch rank {
			case "s":
				sides[""] = ""
			case "up", "uh":
				sides = map[string]string{"": ""}
			}
			for direction, side := range sides {
				s.stat(t, ask, entity, rank, direction, side)
			}
		}
	}
	var sessions struct {
		Columns []string
		Data    [][]string
		Summary []string
	}
	text := ask("sessions?query=PROTO==UDP&", &sessions)
	rows := s.sessionRows()
	if !slices.Equal(sessions.Columns, rows[0]) || len(sessions.Data) != 1 || !slices.Equal(sessions.Data[0], rows[5]) ||
		!slices.Equal(sessions.Summary, []string{"Total sessions: 1", "Total packets: 2", "Total bytes: 180"}) {
		t.Errorf("sessions answers %s", text)
	}
	var refused struct{ Error string }
	if ask("stat?group_by=nonsense&", &refused); !strings.Contains(refused.Error, "want one of IP") {
		t.Errorf("stat of nonsense answers %q", refused.Error)
	}
	if said := s.d.said.String(); strings.Contains(said, auth.Token) || strings.Contains(said, "correct horse") {
		t.Errorf("a token or a password stands in the log:\n%s", said)
	}
}

// stat holds a ranking of the API, with its lines over time, against what was counted by hand.
func (s *flowtraqSite) stat(t *testing.T, ask func(string, any) string, entity, rank, direction, side string) {
	t.Helper()
	from := s.base.Add(-time.Minute)
	query := "stat?" + direction + url.Values{
		"group_by":   {map[string]string{"hosts": "IP", "ports": "PORT", "pairs": "PAIR", "countrys": "COUNTRY", "as": "AS"}[entity]},
		"count_by":   {map[string]string{"b": "BYTES", "p": "PACKETS", "s": "SESSIONS", "up": "UNIQUE PORTS", "uh": "UNIQUE HOSTS"}[rank]},
		"after_time": {s.when(from)}, "before_time": {s.when(from.Add(5 * time.Minute))},
	}.Encode() + "&"
	var stat struct {
		Columns []string
		Data    [][]any
	}
	text := ask(query, &stat)
	want := expected(entity, rank, side, talks())
	lines := series(entity, rank, side, talks(), want, -time.Minute, 5*time.Second, 60)
	front := len(want[0]) - 6 // the colour stands behind what is ranked by
	if names := slices.Concat(want[0][:front], []string{"COLORS"}, want[0][front:], []string{"TIME SERIES"}); !slices.Equal(stat.Columns, names) || len(stat.Data) != len(want)-1 {
		t.Errorf("%s answers %s, want columns %q and %d rows", query, text, names, len(want)-1)
		return
	}
	for i, row := range stat.Data {
		var cells, line []string
		for _, cell := range row[:len(row)-1] {
			cells = append(cells, fmt.Sprint(cell))
		}
		for _, v := range row[len(row)-1].([]any) {
			line = append(line, v.(string))
		}
		if cells = slices.Delete(cells, front, front+1); !slices.Equal(cells, want[i+1]) || !slices.Equal(line, lines[i]) {
			t.Errorf("%s: row %d is %q, over time %q; want %q, %q", query, i, cells, line, want[i+1], lines[i])
		}
	}
}
