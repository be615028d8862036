package mute

import (
	"encoding/json"
	"testing"
)

// FuzzMembers: the members of an object are those that encoding/json finds, and nothing else is an object.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":1}`, ` { "a" : -1.5e3 , "b":"x\"},{" , "c":{"d":[1,{"e":"]"}]},"f":[],"g":null,"h":true}`, `[1]`, `null`, `{"a":1`, `{"a":"\u00e4\\"}`, `"x"`, "{\"a\":\"\xff\"}", `{"":{}}`, `{"a":{},"b":1}`, `{"a":0}`,
		"\f{}", "{}\u00a0", "\v {\"a\":1}", // blanks, but none of JSON's
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want map[string]json.RawMessage
		object := json.Unmarshal(text, &want) == nil && want != nil
		got := map[string]json.RawMessage{}
		ok := eachMember(text, func(name string, value []byte) bool { got[name] = value; return true })
		if ok != object {
			t.Fatalf("%q: an object is %v, want %v", text, ok, object)
		}
		if !object {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: members %q, want %q", text, got, want)
		}
		for name, value := range want {
			if string(got[name]) != string(value) {
				t.Fatalf("%q: %q is %q, want %q", text, name, got[name], value)
			}
		}
	})
}
