package syslog_test

import (
	"testing"

	"tocsin/internal/parser/parsertest"
	"tocsin/internal/parser/syslog"
)

func TestContract(t *testing.T) { parsertest.Run(t, syslog.Format(), syslog.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, syslog.Format()) }

func BenchmarkBSD(b *testing.B) {
	parsertest.Bench(b, syslog.Format(), parsertest.Records(b, "testdata/bsd/input.log"))
}

func BenchmarkIETF(b *testing.B) {
	parsertest.Bench(b, syslog.Format(), parsertest.Records(b, "testdata/ietf/input.log"))
}
