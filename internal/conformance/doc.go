// Package conformance holds tocsin to what others have written down about log lines: its tests read the annotated samples
// of public projects and compare what they say of a line with what tocsin reads from it. docs/conformance.md has the result.
package conformance
