package aggregate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/metric"
)

// The model keeps every value of every group in lists and computes with big numbers.

type modelGroup struct {
	bucket  int64
	values  []string
	missing []bool
	rows    int
	lists   [][]string // one a metric: the values, as text
}

// textOf is the value of a key or metric in a row, as people read it; false where missing.
func textOf(b *event.Batch, row int, field *event.Field, label string) (string, bool) {
	if field != nil {
		c := b.Column(field.ID)
		if c == nil {
			return "", false
		}
		v, ok := c.Value(row)
		if !ok {
			return "", false
		}
		if field.Type == event.Time {
			return fmt.Sprint(c.Int(v)), true
		}
		return string(c.AppendValueText(nil, v)), true
	}
	from, to := b.Labels.Of(row)
	val, ok := "", false
	for e := from; e < to; e++ {
		if string(b.Labels.Names.At(int(b.Labels.Keys[e]))) == label {
			val, ok = string(b.Labels.Vals.At(e)), true
		}
	}
	return val, ok
}

func modelBucket(ns int64, length time.Duration) int64 {
	n, _ := new(big.Int).DivMod(big.NewInt(ns), big.NewInt(int64(length)), new(big.Int)) // Euclidean: rounds down
	return n.Mul(n, big.NewInt(int64(length))).Int64()
}

type model struct {
	spec   Spec
	groups map[string]*modelGroup
}

func (m *model) fold(b *event.Batch, rows []int32) {
	for _, row := range rows {
		g := &modelGroup{lists: make([][]string, len(m.spec.Metrics))}
		if m.spec.Bucket > 0 {
			ns := int64(0)
			if c := b.Column(event.Timestamp); c != nil {
				if v, ok := c.Value(int(row)); ok {
					ns = c.Int(v)
				}
			}
			g.bucket = modelBucket(ns, m.spec.Bucket)
		}
		id := fmt.Sprint(g.bucket)
		for _, k := range m.spec.By {
			v, ok := textOf(b, int(row), k.Field, k.Label)
			if ok && k.Field != nil && k.Field.Type == event.Time {
				c := b.Column(k.Field.ID)
				at, _ := c.Value(int(row))
				v = string(c.AppendValueText(nil, at))
			}
			g.values, g.missing = append(g.values, v), append(g.missing, !ok)
			id += fmt.Sprintf("|%q %v", v, ok)
		}
		if m.groups[id] == nil {
			m.groups[id] = g
		}
		g = m.groups[id]
		g.rows++
		for i, x := range m.spec.Metrics {
			if v, ok := textOf(b, int(row), x.Field, x.Label); ok {
				g.lists[i] = append(g.lists[i], v)
			}
		}
	}
}

func (g *modelGroup) number(i int, m metric.Metric) float64 {
	if m.Op == metric.Count && m.Field == nil && m.Label == "" {
		return float64(g.rows)
	}
	if m.Op == metric.Count {
		return float64(len(g.lists[i]))
	}
	if m.Op == metric.Distinct {
		list := slices.Clone(g.lists[i])
		slices.Sort(list)
		return float64(len(slices.Compact(list)))
	}
	sum := new(big.Rat)
	var nums []*big.Rat
	for _, s := range g.lists[i] {
		n, ok := new(big.Rat).SetString(s)
		if !ok {
			panic(s)
		}
		nums = append(nums, n)
		sum.Add(sum, n)
	}
	float := func(n *big.Rat) float64 { f, _ := n.Float64(); return f }
	if m.Op == metric.Sum {
		return float(sum)
	}
	if len(nums) == 0 {
		return math.NaN()
	}
	slices.SortFunc(nums, func(a, b *big.Rat) int { return a.Cmp(b) })
	switch m.Op {
	case metric.Min:
		return float(nums[0])
	case metric.Max:
		return float(nums[len(nums)-1])
	case metric.Avg:
		return float(sum) / float64(len(nums))
	default:
		rank := int(math.Ceil(m.Q * float64(len(nums))))
		return float(nums[max(rank, 1)-1])
	}
}

func (m *model) rank(i int, lowest bool) []Row {
	var rows []Row
	for _, g := range m.groups {
		r := Row{Bucket: g.bucket, Values: g.values, Missing: g.missing}
		for j, x := range m.spec.Metrics {
			r.Numbers = append(r.Numbers, g.number(j, x))
		}
		rows = append(rows, r)
	}
	sortRows(rows, i, lowest)
	return rows
}

// sortRows sorts by number, then in any fixed order.
func sortRows(rows []Row, i int, lowest bool) {
	slices.SortFunc(rows, func(a, b Row) int {
		x, y := a.Numbers[i], b.Numbers[i]
		switch {
		case math.IsNaN(x) != math.IsNaN(y):
			if math.IsNaN(x) {
				return 1
			}
			return -1
		case math.IsNaN(x), x == y:
			return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), slices.Compare(a.Values, b.Values), strings.Compare(fmt.Sprint(a.Missing), fmt.Sprint(b.Missing)))
		case lowest:
			return cmp.Compare(x, y)
		}
		return cmp.Compare(y, x)
	})
}

var (
	testNames   = []string{"", "a", "b", "root", "\xff"}
	testInts    = []int64{0, 1, -1, 5, math.MaxInt64, math.MinInt64, 80}
	testUints   = []uint64{0, 1, math.MaxUint64, math.MaxUint64 - 1, 1 << 53, 1500}
	testTimes   = []int64{0, 1, -1, -1_000_000_001, 1767366245000000000, 1767366245999999999, -8000000000000000000}
	testAddrs   = []string{"10.0.0.1", "10.0.0.2", "2001:db8::1", "::"}
	testMetrics = []string{"count", "count(user.name)", "count(labels.a)", "sum(network.bytes)", "sum(source.port)", "avg(source.port)", "avg(network.bytes)", "min(source.port)", "max(source.port)", "min(network.bytes)", "max(network.bytes)", "min(event.start)", "max(event.start)", "distinct(source.ip)", "distinct(user.name)", "distinct(labels.a)", "distinct(tls.established)", "quantile(source.port, 0.5)", "quantile(network.bytes, 0.99)", "quantile(source.port, 0.01)"}
	testKeys    = []string{"user.name", "source.ip", "source.port", "network.bytes", "tls.established", "event.start", "labels.a", "labels.b c", "message"}
)

func randomBatch(r *rand.Rand, rows int) *event.Batch {
	b := event.NewBuilder(event.Log)
	on := func() bool { return r.IntN(5) > 0 }
	drop := r.Uint32() & r.Uint32()
	for range rows {
		if on() && drop&1 == 0 {
			b.Text(event.UserName, testNames[r.IntN(len(testNames))])
		}
		if on() && drop&2 == 0 {
			b.Addr(event.SourceIP, netip.MustParseAddr(testAddrs[r.IntN(len(testAddrs))]))
		}
		if on() && drop&4 == 0 {
			b.Int(event.SourcePort, testInts[r.IntN(len(testInts))])
		}
		if drop&8 == 0 {
			b.Uint(event.NetworkBytes, testUints[r.IntN(len(testUints))])
		}
		if on() && drop&16 == 0 {
			b.Bool(event.TLSUsed, r.IntN(2) == 0)
		}
		if on() && drop&32 == 0 {
			b.Time(event.EventStart, testTimes[r.IntN(len(testTimes))])
		}
		if on() && drop&64 == 0 {
			b.Time(event.Timestamp, testTimes[r.IntN(len(testTimes))])
		}
		if drop&128 == 0 {
			for range r.IntN(4) {
				b.Label([]byte([]string{"a", "b c", "z"}[r.IntN(3)]), []byte(testNames[r.IntN(len(testNames))]))
			}
		}
		if on() {
			b.Text(event.Message, testNames[r.IntN(len(testNames))])
		}
		b.Next()
	}
	return b.Batch()
}

// codedColumns returns the batch with all columns dictionary-coded.
func codedColumns(b *event.Batch) *event.Batch {
	var columns []event.Column
	for _, c := range b.Columns() {
		if c.Codes == nil {
			c = codedColumn(c, b.Rows)
		}
		columns = append(columns, c)
	}
	return event.NewBatch(b.Kind, b.Rows, columns, b.Labels)
}

func codedColumn(c event.Column, rows int) event.Column {
	d := event.Column{Field: c.Field, Codes: make([]uint32, rows)}
	add := func(v int) {
		switch c.Field.Type {
		case event.String:
			if v < 0 {
				d.Strs.Append(nil)
			} else {
				d.Strs.Append(c.Str(v))
			}
		case event.IP:
			d.IPs = append(d.IPs, [16]byte{})
			if v >= 0 {
				d.IPs[len(d.IPs)-1] = c.IPs[v]
			}
		default:
			d.Nums = append(d.Nums, 0)
			if v >= 0 {
				d.Nums[len(d.Nums)-1] = c.Nums[v]
			}
		}
	}
	add(-1)
	seen := map[string]uint32{}
	for row := range rows {
		v, ok := c.Value(row)
		if !ok {
			continue
		}
		key := string(c.AppendValueText(nil, v))
		if seen[key] == 0 {
			add(v)
			seen[key] = uint32(len(seen) + 1)
		}
		d.Codes[row] = seen[key]
	}
	return d
}

func mustMetric(text string) metric.Metric {
	m, err := metric.Parse(text)
	if err != nil {
		panic(err)
	}
	return m
}

func mustKey(name string) Key {
	k, err := ParseKey(name)
	if err != nil {
		panic(err)
	}
	return k
}

func randomSpec(r *rand.Rand) Spec {
	s := Spec{Bucket: []time.Duration{0, 0, time.Second, time.Hour, 7}[r.IntN(5)]}
	for range 1 + r.IntN(4) {
		s.Metrics = append(s.Metrics, mustMetric(testMetrics[r.IntN(len(testMetrics))]))
	}
	for range r.IntN(4) {
		s.By = append(s.By, mustKey(testKeys[r.IntN(len(testKeys))]))
	}
	return s
}

func someRows(r *rand.Rand, n int) []int32 {
	var rows []int32
	all := r.IntN(2) == 0
	for i := range int32(n) {
		if all || r.IntN(3) == 0 {
			rows = append(rows, i)
		}
	}
	return rows
}

// same compares numbers with NaN equal to itself.
func sameRows(got, want []Row) string {
	return gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Row{}), gocmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }))
}

// TestTableIsModel folds random batches, plain and coded, into one table and into three that are merged in two orders; all
// must rank as the model does.
func TestTableIsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		spec := randomSpec(r)
		whole, parts := New(spec, Limits{}), []*Table{New(spec, Limits{}), New(spec, Limits{}), New(spec, Limits{})}
		m := &model{spec: spec, groups: map[string]*modelGroup{}}
		for i := range 1 + r.IntN(6) {
			b := randomBatch(r, []int{0, 1, 5, 60, 100}[r.IntN(5)])
			rows := someRows(r, b.Rows)
			m.fold(b, rows)
			if r.IntN(2) == 0 {
				b = codedColumns(b)
			}
			whole.Fold(b, rows)
			parts[i%3].Fold(b, rows)
		}
		left, right := New(spec, Limits{}), New(spec, Limits{})
		for _, p := range parts { // (0+1)+2
			if err := left.Merge(p); err != nil {
				t.Fatal(err)
			}
		}
		for _, at := range []int{2, 1} { // 0+(1+2), the other way round
			if err := right.Merge(parts[at]); err != nil {
				t.Fatal(err)
			}
		}
		if err := parts[0].Merge(right); err != nil {
			t.Fatal(err)
		}
		at, lowest := r.IntN(len(spec.Metrics)), r.IntN(2) == 0
		want := m.rank(at, lowest)
		for name, table := range map[string]*Table{"one table": whole, "merged": left, "merged the other way": parts[0]} {
			if table.Groups() != len(want) {
				t.Fatalf("%s of %+v: Groups() = %d, want %d", name, spec, table.Groups(), len(want))
			}
			all := table.Rank(at, 0, lowest)
			for i, row := range table.Rank(at, 3, lowest) {
				if diff := sameRows([]Row{row}, []Row{all[i]}); diff != "" {
					t.Fatalf("%s: Rank(limit 3) differs from the whole ranking at %d: %s", name, i, diff)
				}
			}
			sorted := slices.IsSortedFunc(all, func(a, b Row) int {
				x, y := a.Numbers[at], b.Numbers[at]
				if math.IsNaN(x) || math.IsNaN(y) {
					return cmp.Compare(map[bool]int{true: 1}[math.IsNaN(x)], map[bool]int{true: 1}[math.IsNaN(y)])
				}
				if lowest {
					return cmp.Compare(x, y)
				}
				return cmp.Compare(y, x)
			})
			if !sorted {
				t.Fatalf("%s of %+v: ranking out of order: %+v", name, spec, all)
			}
			sortRows(all, at, lowest)
			if diff := sameRows(all, want); len(want)+len(all) > 0 && diff != "" {
				t.Fatalf("%s of %+v by %v differs from the model (-want +got):\n%s", name, spec, spec.By, diff)
			}
			if _, some := table.Others(); some {
				t.Fatalf("%s: there are others without a limit reached", name)
			}
		}
	})
}

// TestLimits: whatever the limits, no row is lost between the groups and the others, and the rows say that they are
// estimates.
func TestLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		spec := randomSpec(r)
		spec.Metrics = append(spec.Metrics, mustMetric("count"), mustMetric("sum(network.bytes)"))
		limits := Limits{Groups: 1 + r.IntN(8)}
		if r.IntN(3) == 0 {
			limits = Limits{Bytes: 1 + r.IntN(8000)}
		}
		a, b, free := New(spec, limits), New(spec, limits), New(Spec{Metrics: spec.Metrics}, Limits{})
		for i := range 4 {
			batch := randomBatch(r, 100)
			rows := someRows(r, batch.Rows)
			[]*Table{a, b}[i%2].Fold(batch, rows)
			free.Fold(batch, rows)
		}
		if err := a.Merge(b); err != nil {
			t.Fatal(err)
		}
		n, count, sum := len(spec.Metrics), 0.0, new(big.Float).SetPrec(200)
		rows := a.Rank(0, 0, false)
		for _, row := range rows {
			count += row.Numbers[n-2]
			sum.Add(sum, big.NewFloat(row.Numbers[n-1]))
		}
		if limits.Groups > 0 && len(rows) > limits.Groups+1 {
			t.Fatalf("%d groups with limit %d", len(rows), limits.Groups)
		}
		others, some := a.Others()
		if some {
			count += others.Numbers[n-2]
			sum.Add(sum, big.NewFloat(others.Numbers[n-1]))
		}
		for _, row := range rows {
			if some && !row.Estimate {
				t.Fatalf("there are others, but %+v claims to be exact", row)
			}
		}
		for _, want := range free.Rank(0, 0, false) {
			got, _ := sum.Float64()
			if count != want.Numbers[n-2] || math.Abs(got-want.Numbers[n-1]) > 1e-9*want.Numbers[n-1] {
				t.Fatalf("groups and others hold %v rows and %v bytes, want %v and %v", count, got, want.Numbers[n-2], want.Numbers[n-1])
			}
		}
	})
}

// TestEstimates checks distinct and quantile beyond their exact limits, in one table and merged. How far distinct is off depends on
// the secret of the process: one in some thousand is more than 3 % off at 200,000 values. So the secret is a given one here.
func TestEstimates(t *testing.T) {
	defer func(secret uint64) { salt = secret }(salt)
	salt = 0x5851f42d4c957f2d
	r := rand.New(rand.NewPCG(1, 2))
	const n = 300_000
	for _, different := range []int{ExactDistinct, ExactDistinct + 1, 20_000, 200_000} {
		spec := Spec{Metrics: []metric.Metric{mustMetric("distinct(source.port)"), mustMetric("quantile(source.port, 0.5)"), mustMetric("quantile(source.port, 0.999)")}}
		one, parts := New(spec, Limits{}), []*Table{New(spec, Limits{}), New(spec, Limits{})}
		b := event.NewBuilder(event.Log)
		var values []int64
		for i := range n {
			v := int64(i % different)
			v *= v // skewed
			values = append(values, v)
		}
		r.Shuffle(n, func(i, j int) { values[i], values[j] = values[j], values[i] })
		for i, v := range values {
			b.Int(event.SourcePort, v)
			b.Next()
			if b.Rows() == 10_000 {
				batch := b.Batch()
				rows := make([]int32, batch.Rows)
				for k := range rows {
					rows[k] = int32(k)
				}
				one.Fold(batch, rows)
				parts[i/10_000%2].Fold(batch, rows)
			}
		}
		if err := parts[0].Merge(parts[1]); err != nil {
			t.Fatal(err)
		}
		slices.Sort(values)
		for name, table := range map[string]*Table{"one": one, "merged": parts[0]} {
			row := table.Rank(0, 1, false)[0]
			if !row.Estimate {
				t.Errorf("%s table of %d values: not marked as an estimate", name, n)
			}
			if got, want := row.Numbers[0], float64(different); math.Abs(got-want) > 0.03*want || different == ExactDistinct && got != want {
				t.Errorf("%s table: distinct = %v, want %v", name, got, want)
			}
			for i, q := range []float64{0.5, 0.999} {
				at, _ := slices.BinarySearch(values, int64(row.Numbers[1+i]))
				if rank := float64(at) / n; math.Abs(rank-q) > 0.005 {
					t.Errorf("%s table of %d different: quantile %v is at rank %v", name, different, q, rank)
				}
			}
		}
	}
}

// TestDistinctExactStaysExact: at the limit and with repetitions the number is exact and says so.
func TestDistinctExactStaysExact(t *testing.T) {
	table := New(Spec{Metrics: []metric.Metric{mustMetric("distinct(source.port)")}}, Limits{})
	b := event.NewBuilder(event.Log)
	for range 3 {
		for i := range int64(ExactDistinct) {
			b.Int(event.SourcePort, i)
			b.Next()
		}
	}
	batch := b.Batch()
	rows := make([]int32, batch.Rows)
	for i := range rows {
		rows[i] = int32(i)
	}
	table.Fold(batch, rows)
	if row := table.Rank(0, 1, false)[0]; row.Numbers[0] != ExactDistinct || row.Estimate {
		t.Errorf("distinct of %d values, three times each = %v, estimate %v", ExactDistinct, row.Numbers[0], row.Estimate)
	}
}

func TestParseKey(t *testing.T) {
	for name, want := range map[string]string{"source.ip": "source.ip", " user.name ": "user.name", "labels.a b": "labels.a b", "time": "@timestamp"} {
		k, err := ParseKey(name)
		if err != nil || k.String() != want {
			t.Errorf("ParseKey(%q) = %v, %v, want %s", name, k, err, want)
		}
	}
	for name, part := range map[string]string{"source.ipp": "did you mean source.ip?", "related.ip": "source.ip, destination.ip", "labels.": "no such field", "": "no such field"} {
		if _, err := ParseKey(name); err == nil || !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), part) {
			t.Errorf("ParseKey(%q): error %v, want one of kind Invalid with %q", name, err, part)
		}
	}
}

func TestFieldsAndLabels(t *testing.T) {
	table := New(Spec{
		Metrics: []metric.Metric{mustMetric("sum(network.bytes)"), mustMetric("distinct(labels.z)"), mustMetric("count(source.ip)")},
		By:      []Key{mustKey("source.ip"), mustKey("labels.a")}, Bucket: time.Hour,
	}, Limits{})
	if diff := gocmp.Diff([]event.FieldID{event.Timestamp, event.SourceIP, event.NetworkBytes}, table.Fields()); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff([]string{"a", "z"}, table.Labels()); diff != "" {
		t.Error(diff)
	}
	if err := table.Merge(New(Spec{}, Limits{})); !errors.Is(err, fault.Invalid) {
		t.Errorf("Merge of another spec: error %v, want one of kind Invalid", err)
	}
	if got := table.Rank(7, 1, false); got != nil {
		t.Errorf("Rank of a metric that is not there = %v", got)
	}
}
