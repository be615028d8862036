package weberror_test

import (
	"testing"

	"tocsin/internal/parser/parsertest"
	"tocsin/internal/parser/weberror"
)

func TestContract(t *testing.T) { parsertest.Run(t, weberror.Format(), weberror.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, weberror.Format()) }

func BenchmarkParse(b *testing.B) {
	records := append(parsertest.Records(b, "testdata/apache/input.log"), parsertest.Records(b, "testdata/nginx/input.log")...)
	parsertest.Bench(b, weberror.Format(), records)
}
