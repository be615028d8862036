package drops

import (
	"fmt"
	"testing"
)

func TestDropsOf(t *testing.T) {
	table := fmt.Sprintf("%s\n%s\n%s\n",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
		" 1234: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 23456 2 0000000000000000 17",
		" 1235: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 23457 2 0000000000000000 99")
	if n, ok := count([]byte(table), 5514); n != 17 || !ok {
		t.Errorf("count = %d, %v, want 17", n, ok)
	}
	if n, ok := count([]byte(table), 1); n != 0 || ok {
		t.Errorf("count of another port = %d, %v, want none", n, ok)
	}
}
