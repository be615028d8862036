// Package leaktest tells of goroutines that the tests of a package leave behind.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a goroutine may take to end. One that has said that it is done may still be about to, for as long as a busy
// machine or a slow disk lets it wait, which is longer than the half second that goleak waits by itself.
const patience = time.Minute

// Run runs the tests of a package and returns the code to exit with: 1 when goroutines are left over.
func Run(m *testing.M) int { return verdict(m.Run(), patience) }

// verdict is the exit code of tests that end with a given one.
func verdict(code int, patience time.Duration) int {
	if code != 0 {
		return code
	}
	err := goleak.Find()
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "goroutines are left over:", err)
		return 1
	}
	return 0
}
