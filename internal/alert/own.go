package alert

import "strings"

// OwnPrefix begins the names of the rules of tocsin's own alerts. Rules that people write have no such name.
const OwnPrefix = "tocsin-"

// IsOwn reports whether a rule of this name is one of tocsin's own.
func IsOwn(rule string) bool { return strings.HasPrefix(rule, OwnPrefix) }
