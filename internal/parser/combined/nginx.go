package combined

import (
	"strings"

	"tocsin/internal/event"
)

// nginx reads an order as nginx spells it (nginx documentation, ngx_http_log_module, "log_format"). How values are escaped
// may stand before it, as in the directive.
func (c *compiler) nginx(format string) {
	i := 0
	if rest := strings.TrimLeft(format, " "); strings.HasPrefix(rest, "escape=") {
		i = len(format) - len(rest)
		how, _, found := strings.Cut(rest[len("escape="):], " ")
		if how != "default" && how != "json" && how != "none" || !found {
			c.failf(i+1, "escape=%s: want escape=default, escape=json or escape=none, and a blank", how)
		}
		i += len("escape=") + len(how)
		for i < len(format) && format[i] == ' ' {
			i++
		}
	}
	for i < len(format) {
		switch {
		case format[i] == '\\':
			i = c.escape(format, i)
		case format[i] != '$':
			c.literal(format[i])
			i++
		default:
			i = c.variable(format, i)
		}
	}
}

func (c *compiler) variable(format string, from int) (next int) {
	i := from + 1
	var name string
	if i < len(format) && format[i] == '{' {
		end := strings.IndexByte(format[i:], '}')
		if end < 0 {
			c.failf(from+1, "no closing brace: want a variable, as in ${host}")
			return len(format)
		}
		name, next = format[i+1:i+end], i+end+1
	} else {
		for next = i; next < len(format) && (isLetter(format[next]) || isDigit(format[next]) || format[next] == '_'); next++ {
		}
		name = format[i:next]
	}
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		c.failf(from+1, "%s names no variable: want letters, digits and underscores, as in $remote_addr", format[from:next])
		return next
	}
	p := piece{column: from + 1, spelt: format[from:next], label: []byte(name)}
	if k, ok := variables[name]; ok {
		p.op, p.id, p.unit = k.op, k.id, k.unit
	} else {
		p.label, p.id = of(name)
	}
	c.field(p)
	return next
}

// of names the label of a variable that is one of a family, as Apache's directives are named; all others keep their name.
func of(name string) (label []byte, id event.FieldID) {
	for _, family := range [...][2]string{
		{"http_", "http.request.headers."}, {"sent_http_", "http.response.headers."}, {"cookie_", "cookie."},
	} {
		if rest, ok := strings.CutPrefix(name, family[0]); ok && rest != "" {
			rest = strings.ReplaceAll(rest, "_", "-")
			if family[0] == "http_" {
				id = header(rest)
			}
			return []byte(family[1] + rest), id
		}
	}
	return []byte(name), 0
}

// variables are those with a field of their own; a second one for the same field becomes a label under its name.
var variables = map[string]known{
	"remote_addr":         {op: opHost},
	"proxy_protocol_addr": {op: opHost},
	"remote_port":         {op: opInt, id: event.SourcePort},
	"remote_user":         {op: opText, id: event.UserName},
	"time_local":          {op: opCLF},
	"time_iso8601":        {op: opISO},
	"msec":                {op: opEpoch, unit: 1e9},
	"request":             {op: opRequest},
	"status":              {op: opStatus},
	"body_bytes_sent":     {op: opInt, id: event.HTTPResponseBytes},
	"bytes_sent":          {op: opInt, id: event.HTTPResponseBytes},
	"request_length":      {op: opInt, id: event.HTTPRequestBytes},
	"request_time":        {op: opDuration, id: event.EventDuration, unit: 1e9},
	"request_method":      {op: opText, id: event.HTTPMethod},
	"request_uri":         {op: opTarget},
	"uri":                 {op: opPath},
	"document_uri":        {op: opPath},
	"is_args":             {op: opIsArgs},
	"args":                {op: opArgs},
	"query_string":        {op: opArgs},
	"server_protocol":     {op: opVersion},
	"scheme":              {op: opText, id: event.URLScheme},
	"host":                {op: opText, id: event.URLDomain},
	"server_name":         {op: opText, id: event.URLDomain},
	"server_addr":         {op: opAddr, id: event.DestinationIP},
	"server_port":         {op: opInt, id: event.DestinationPort},
	"hostname":            {op: opText, id: event.HostName},
	"pid":                 {op: opInt, id: event.ProcessPID},
	"request_id":          {op: opText, id: event.HTTPRequestID},
	"geoip_country_code":  {op: opText, id: event.SourceCountry},
	"geoip2_country_code": {op: opText, id: event.SourceCountry},
}
