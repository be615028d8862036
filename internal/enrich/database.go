package enrich

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2"

	"tocsin/internal/fault"
)

// Bounds of a database and of what is taken from it.
const (
	maxDatabase = 512 << 20 // bytes: the largest of the free ones have 150 MB
	maxRecords  = 1 << 16   // records of one database that are remembered
	maxText     = 200       // bytes of a name of a city or an organization
	tried       = 100       // records that are read when a database is opened, so that one of another sort is refused
	visited     = 100_000   // networks that are visited for that; a tree may be made so that it has no end
)

// Facts are what the databases say about an address; what they do not say is empty.
type Facts struct {
	Country      string // ISO 3166-1 code of two letters
	City         string // in English
	AS           uint32
	Organization string // that holds AS
}

// fill takes what f lacks from other. City and country, and an organization and its number, are taken together: two databases
// may not agree.
func (f *Facts) fill(other Facts) {
	if f.Country == "" && f.City == "" || f.Country == other.Country && f.City == "" {
		f.Country, f.City = other.Country, other.City
	}
	if f.AS == 0 && f.Organization == "" || f.AS == other.AS && f.Organization == "" {
		f.AS, f.Organization = other.AS, other.Organization
	}
}

// A database is one file in the format of MaxMind DB, version 2.0 (https://maxmind.github.io/MaxMind-DB/), in memory: a mapped
// file that somebody truncates would end the process.
type database struct {
	path   string
	state  os.FileInfo // of the file when it was read
	reader *maxminddb.Reader
	only4  bool
	flat   atomic.Bool // its country is a text and no map
}

// open reads a database and sees whether it knows anything that is wanted. The error is fault.Invalid.
func open(path string) (d *database, err error) {
	fail := func(err error) (*database, error) {
		return nil, fault.New(fault.Invalid, "open database %s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(errors.Unwrap(err)) // which names the path again
	}
	defer f.Close() // only read
	state, err := f.Stat()
	switch {
	case err != nil:
		return fail(err)
	case !state.Mode().IsRegular():
		return fail(errors.New("it is no file"))
	case state.Size() > maxDatabase:
		return fail(fmt.Errorf("it has %d bytes, want at most %d", state.Size(), maxDatabase))
	case state.Size() == 0:
		return fail(errors.New("it is empty (fetch it again)"))
	}
	text := bytes.NewBuffer(make([]byte, 0, state.Size()+bytes.MinRead))
	if _, err := io.Copy(text, io.LimitReader(f, maxDatabase+1)); err != nil {
		return fail(err)
	}
	d = &database{path: path, state: state}
	if err := d.read(text.Bytes()); err != nil {
		return fail(fmt.Errorf("%w (want a whole MaxMind DB file of countries, cities or autonomous systems; fetch it again)", err))
	}
	return d, nil
}

// read takes the text of a database in.
func (d *database) read(text []byte) (err error) {
	defer recovered(&err)
	if d.reader, err = maxminddb.OpenBytes(text); err != nil {
		return err
	}
	d.only4 = d.reader.Metadata.IPVersion == 4
	visits, records, useful := 0, 0, false
	for result := range d.reader.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if visits++; visits == visited || useful && records >= tried {
			break
		}
		if err := result.Err(); err != nil {
			return err
		}
		if !result.Found() {
			continue
		}
		facts, err := d.facts(result)
		if err != nil {
			return err
		}
		records++
		useful = useful || facts != Facts{}
	}
	if !useful {
		return fmt.Errorf("it is of the type %q and knows no country, city or autonomous system", d.reader.Metadata.DatabaseType)
	}
	return nil
}

// errPanic says that a database is so broken that its reader lost its way.
var errPanic = errors.New("it is damaged")

// recovered makes an error of a panic.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errPanic, p)
	}
}

// look returns what the database says about an address; nothing is no error. Many addresses have one record: read has those that
// were read before, by their place in the file. It may be nil.
func (d *database) look(a netip.Addr, read map[uintptr]Facts) (f Facts, err error) {
	if d.only4 && !a.Is4() {
		return f, nil
	}
	defer recovered(&err)
	result := d.reader.Lookup(a)
	if err := result.Err(); err != nil || !result.Found() {
		return f, err
	}
	if f, known := read[result.Offset()]; known {
		return f, nil
	}
	f, err = d.facts(result)
	if err == nil && read != nil {
		if len(read) >= maxRecords {
			clear(read)
		}
		read[result.Offset()] = f
	}
	return f, err
}

// A record has the fields of MaxMind's databases, which those of DB-IP share, and what IPinfo's have in their place. AS numbers
// are numbers there and texts such as "AS64500" here.
type record struct {
	common

	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	City struct {
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
}

// A flatRecord is one of a database whose country and city are texts.
type flatRecord struct {
	common

	Country string `maxminddb:"country"`
	City    string `maxminddb:"city"`
}

// common is what both have.
type common struct {
	Number       uint64 `maxminddb:"autonomous_system_number"`
	Organization string `maxminddb:"autonomous_system_organization"`
	CountryCode  string `maxminddb:"country_code"`
	ASN          any    `maxminddb:"asn"`
	ASName       string `maxminddb:"as_name"`
	Name         string `maxminddb:"name"`
}

// facts reads one record. Whether the database is flat shows with the first that has a country.
func (d *database) facts(result maxminddb.Result) (f Facts, err error) {
	if !d.flat.Load() {
		var r record
		err = result.Decode(&r)
		if err == nil {
			return r.facts(r.Country.Code, r.City.Names.English), nil
		}
		if _, other := errors.AsType[maxminddb.UnmarshalTypeError](err); !other {
			return f, err
		}
	}
	var r flatRecord
	if err := result.Decode(&r); err != nil {
		return f, err
	}
	d.flat.Store(true)
	return r.facts(r.Country, r.City), nil
}

// facts believes nothing that cannot be: what is stored in every event and shown to people is bounded.
func (c *common) facts(country, city string) (f Facts) {
	for _, code := range [...]string{c.CountryCode, country} { // IPinfo Lite has the code in the one and the name in the other
		if len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z' {
			f.Country = code
			break
		}
	}
	f.City = text(city)
	number, organization := c.Number, c.Organization
	switch asn := c.ASN.(type) {
	case string:
		number, _ = strconv.ParseUint(strings.TrimPrefix(asn, "AS"), 10, 64) // 0 when it is none
	case uint64:
		number = asn
	}
	if c.ASN != nil {
		organization = c.ASName
		if organization == "" {
			organization = c.Name
		}
	}
	if number > 0 && number <= 1<<32-1 {
		f.AS, f.Organization = uint32(number), text(organization)
	}
	return f
}

// text keeps what a table can show.
func text(s string) string {
	if len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return ""
	}
	return s
}

// name is how messages and metrics call it.
func (d *database) name() string { return filepath.Base(d.path) }
