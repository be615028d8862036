// Package filter holds the language in which people say which events they mean, and turns it into predicates over the
// columns of a batch: rules, searches, rankings and the bounds of what a user may see all go through it.
//
// The spelling is that of expr-lang over the names of the schema:
//
//	destination.port == 22 && source.ip in cidr("10.0.0.0/8") && message contains "Failed password"
//
// The logic has two values. A comparison with a missing value is false; a != b is !(a == b) and hence true where a is
// missing; has(a) tests for presence. A field that stands for several others compares true if any of them does, and
// != holds if none equals.
package filter
