package config

import (
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a machine, or an empty container, need not have the zones

	"tocsin/internal/document"
)

// between gives the mistake of a number outside its range, or nil.
func between[N int | uint16 | document.Size | time.Duration](key string, got, least, most N) error {
	switch {
	case got >= least && got <= most:
		return nil
	case least == 0:
		return document.At(key, got, fmt.Sprintf("%v or less", show(most)))
	}
	return document.At(key, got, fmt.Sprintf("%v to %v", show(least), show(most)))
}

// atLeast gives the mistake of a number that is too small, or nil.
func atLeast[N int | document.Size | time.Duration](key string, got, least N) error {
	if got >= least {
		return nil
	}
	return document.At(key, got, fmt.Sprintf("%v or more", show(least)))
}

func show(v any) any {
	if d, ok := v.(time.Duration); ok {
		return document.FormatDuration(d)
	}
	return v
}

// oneOf gives the mistake of a word that is none of those known, or nil.
func oneOf(key, got string, known ...string) error {
	if slices.Contains(known, got) {
		return nil
	}
	return document.Choice(key, got, known)
}

// isName says that a text can name a source or a channel: it stands in events, metrics and URLs.
func isName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// checkListen checks the form of an address to listen on.
func checkListen(key, listen string) error {
	if listen == "" || listen == off {
		return nil
	}
	_, port, err := net.SplitHostPort(listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return document.At(key, listen, "a port as in :8400, an address and a port as in 192.0.2.1:8400, or off")
	}
	return nil
}

func joinHostPort(host, port string) string { return net.JoinHostPort(host, port) }

// checkPattern checks a path or pattern.
func checkPattern(key, pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" || strings.ContainsRune(pattern, 0) {
		return document.At(key, pattern, "a path, or a pattern with closed brackets")
	}
	return nil
}

// checkZone checks the name of a zone by the table that the program carries.
func checkZone(zone string) error {
	if _, err := time.LoadLocation(zone); err != nil {
		return document.At("zone", zone, "an IANA zone such as Europe/Berlin, UTC or Local")
	}
	return nil
}
