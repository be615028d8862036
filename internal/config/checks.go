package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
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

// checkURL checks the form of an address under which people find the page.
func checkURL(key, text string) error {
	if text == "" || text == off {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return document.At(key, text, "an address without a path, such as https://tocsin.example.org, or off")
	}
	return nil
}

// PageURL returns where people find a page that listens at address, such as 192.0.2.1:8400, without a slash at the end: what
// URL says, else the address, with the name of the machine where that stands for all of its addresses. It is "" where that
// would lead nobody but the machine itself there.
func (h HTTP) PageURL(address, machine string) string {
	switch {
	case h.URL == off:
		return ""
	case h.URL != "":
		return strings.TrimRight(h.URL, "/")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip.IsUnspecified():
		host = machine
	case host == "localhost" || err == nil && ip.IsLoopback():
		return ""
	}
	if host == "" {
		return ""
	}
	return "http://" + net.JoinHostPort(host, port)
}
