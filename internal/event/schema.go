package event

import (
	"maps"
	"slices"
	"sync"
)

// A FieldID numbers a field on disk and in the journal. Numbers are never reused; 0 is no field.
type FieldID uint16

// A Type says how the values of a field are stored and compared.
type Type uint8

// The types of fields.
const (
	String Type = iota + 1
	Int         // int64
	Uint        // uint64, exact over the whole range
	Float       // float64
	Bool
	Time // int64 nanoseconds since 1970 UTC
	IP   // 16 bytes, IPv4 in its v4-mapped form (RFC 4291 section 2.5.5.2)
)

// String returns the word used in messages and in the reference.
func (t Type) String() string {
	return [...]string{"none", "string", "int", "uint", "float", "bool", "time", "ip"}[min(int(t), 7)]
}

// A Field is one column that events can have.
type Field struct {
	ID   FieldID
	Name string // Elastic Common Schema name where ECS has one
	Type Type
	// Plain marks strings that seldom repeat: they are kept as they are. All others are dictionary-coded.
	Plain bool
	Kinds KindSet // the kinds whose events usually carry the field
	// Any makes the field a view of several others: a comparison holds if it holds for any of them. A view is never stored.
	Any []FieldID
	// View marks a field that package view makes of one of Any, row by row, from the standing of one entity. It serves to group
	// and to measure, not to filter.
	View bool
	Doc  string // one line: meaning, unit, and where the name comes from when it is not ECS
}

// Numbers of the fields that code refers to by name. The table in this file gives name, type and meaning of each.
const (
	Timestamp     FieldID = 1
	Ingested      FieldID = 2
	Message       FieldID = 3
	EventOriginal FieldID = 4
	EventDataset  FieldID = 5
	EventAction   FieldID = 6
	EventOutcome  FieldID = 7
	EventID       FieldID = 8
	EventCode     FieldID = 9
	EventProvider FieldID = 10
	EventStart    FieldID = 11
	EventEnd      FieldID = 12
	EventDuration FieldID = 13
	EventReason   FieldID = 14
	EventTimezone FieldID = 15
	EventSeverity FieldID = 16
	EventCategory FieldID = 17
	ErrorCode     FieldID = 18
	ErrorMessage  FieldID = 19

	TocsinSource   FieldID = 20
	TocsinSequence FieldID = 21
	TocsinFlags    FieldID = 22

	LogLevel          FieldID = 30
	LogFilePath       FieldID = 31
	LogOffset         FieldID = 32
	SyslogFacility    FieldID = 33
	SyslogSeverity    FieldID = 34
	SyslogMsgID       FieldID = 35
	SyslogVersion     FieldID = 36
	ServiceName       FieldID = 37
	ServiceType       FieldID = 38
	ProcessName       FieldID = 39
	ProcessPID        FieldID = 40
	HostName          FieldID = 41
	HostIP            FieldID = 42
	HostMAC           FieldID = 43
	ObserverName      FieldID = 44
	ObserverIP        FieldID = 45
	ObserverInterface FieldID = 46

	SourceIP      FieldID = 50
	SourcePort    FieldID = 51
	SourceMAC     FieldID = 52
	SourceBytes   FieldID = 53
	SourcePackets FieldID = 54
	SourceCountry FieldID = 55
	SourceCity    FieldID = 56
	SourceASN     FieldID = 57
	SourceASOrg   FieldID = 58
	SourceDomain  FieldID = 59
	SourceGroup   FieldID = 60

	DestinationIP      FieldID = 70
	DestinationPort    FieldID = 71
	DestinationMAC     FieldID = 72
	DestinationBytes   FieldID = 73
	DestinationPackets FieldID = 74
	DestinationCountry FieldID = 75
	DestinationCity    FieldID = 76
	DestinationASN     FieldID = 77
	DestinationASOrg   FieldID = 78
	DestinationDomain  FieldID = 79
	DestinationGroup   FieldID = 80

	NetworkBytes     FieldID = 90
	NetworkPackets   FieldID = 91
	NetworkTransport FieldID = 92
	NetworkIANA      FieldID = 93
	NetworkProtocol  FieldID = 94
	NetworkType      FieldID = 95
	NetworkDirection FieldID = 96
	NetworkApp       FieldID = 97
	FlowID           FieldID = 98
	FlowRole         FieldID = 99
	FlowTCPFlags     FieldID = 100
	FlowSampling     FieldID = 101
	FlowTOS          FieldID = 102
	FlowIngress      FieldID = 103
	FlowEgress       FieldID = 104
	FlowDomain       FieldID = 105
	FlowRepeated     FieldID = 106

	UserName     FieldID = 120
	UserID       FieldID = 121
	UserDomain   FieldID = 122
	UserAgent    FieldID = 123
	UserAgentApp FieldID = 124
	DeviceID     FieldID = 125
	SessionID    FieldID = 126
	TLSUsed      FieldID = 127
	PolicyReject FieldID = 128
	PasswordHash FieldID = 129

	HTTPMethod        FieldID = 140
	HTTPVersion       FieldID = 141
	HTTPStatus        FieldID = 142
	HTTPResponseBytes FieldID = 143
	HTTPRequestBytes  FieldID = 144
	HTTPReferrer      FieldID = 145
	HTTPRequestID     FieldID = 146
	URLOriginal       FieldID = 147
	URLPath           FieldID = 148
	URLQuery          FieldID = 149
	URLDomain         FieldID = 150
	URLScheme         FieldID = 151

	CloudProvider FieldID = 160
	CloudRegion   FieldID = 161
	CloudAccount  FieldID = 162

	WirelessSignal FieldID = 170
	WirelessSSID   FieldID = 171
	NeighborState  FieldID = 172

	RelatedIP      FieldID = 190
	RelatedPort    FieldID = 191
	RelatedMAC     FieldID = 192
	RelatedCountry FieldID = 193
	RelatedASN     FieldID = 194
	RelatedGroup   FieldID = 195

	FlowHost            FieldID = 200
	FlowLower           FieldID = 201
	FlowHigher          FieldID = 202
	FlowPort            FieldID = 203
	FlowCountry         FieldID = 204
	FlowClient          FieldID = 205
	FlowServer          FieldID = 206
	FlowPeer            FieldID = 207
	FlowTarget          FieldID = 208
	FlowTargetPort      FieldID = 209
	FlowSentBytes       FieldID = 210
	FlowSentPackets     FieldID = 211
	FlowReceivedBytes   FieldID = 212
	FlowReceivedPackets FieldID = 213
	FlowInitiated       FieldID = 214
	FlowAccepted        FieldID = 215
	FlowASN             FieldID = 216
	FlowGroup           FieldID = 217
	FlowInterface       FieldID = 218
)

// MaxFieldID bounds the field numbers of this version.
const MaxFieldID FieldID = 255

const (
	all      = KindSet(1<<Login | 1<<Flow | 1<<Log | 1<<Sighting)
	logs     = KindSet(1 << Log)
	flows    = KindSet(1 << Flow)
	logins   = KindSet(1 << Login)
	devices  = KindSet(1 << Sighting)
	talk     = logs | flows | logins // kinds with two ends
	requests = logs | logins
)

// fields is the schema, in the order of the reference page.
var fields = []Field{
	{ID: Timestamp, Name: "@timestamp", Type: Time, Kinds: all, Doc: "when it happened, as the sender claims"},
	{ID: Ingested, Name: "event.ingested", Type: Time, Kinds: all, Doc: "when tocsin received it, stamped once"},
	{ID: Message, Name: "message", Type: String, Plain: true, Kinds: all, Doc: "what the event says to a person; of an access log the request line"},
	{ID: EventOriginal, Name: "event.original", Type: String, Plain: true, Kinds: logs, Doc: "the line as it came"},
	{ID: EventDataset, Name: "event.dataset", Type: String, Kinds: all, Doc: "name of the format it was read from"},
	{ID: EventAction, Name: "event.action", Type: String, Kinds: all, Doc: "what was done"},
	{ID: EventOutcome, Name: "event.outcome", Type: String, Kinds: requests, Doc: "success, failure or unknown"},
	{ID: EventID, Name: "event.id", Type: String, Plain: true, Kinds: all, Doc: "the sender's own number of the event"},
	{ID: EventCode, Name: "event.code", Type: String, Kinds: logs, Doc: "the sender's number of this sort of event"},
	{ID: EventProvider, Name: "event.provider", Type: String, Kinds: logs, Doc: "the program or service that reported it"},
	{ID: EventStart, Name: "event.start", Type: Time, Kinds: flows, Doc: "when the activity began"},
	{ID: EventEnd, Name: "event.end", Type: Time, Kinds: flows, Doc: "when the activity ended"},
	{ID: EventDuration, Name: "event.duration", Type: Int, Kinds: all, Doc: "how long it took, in nanoseconds"},
	{ID: EventReason, Name: "event.reason", Type: String, Kinds: all, Doc: "why it happened"},
	{ID: EventTimezone, Name: "event.timezone", Type: String, Kinds: all, Doc: "zone or offset that the time was written in"},
	{ID: EventSeverity, Name: "event.severity", Type: Int, Kinds: all, Doc: "the sender's own severity number"},
	{ID: EventCategory, Name: "event.category", Type: String, Kinds: all, Doc: "ECS category, such as authentication"},
	{ID: ErrorCode, Name: "error.code", Type: String, Kinds: logs, Doc: "code of the error that the event reports"},
	{ID: ErrorMessage, Name: "error.message", Type: String, Plain: true, Kinds: logs, Doc: "text of the error that the event reports"},

	{ID: TocsinSource, Name: "tocsin.source", Type: String, Kinds: all, Doc: "tocsin's name of the source it came through"},
	{ID: TocsinSequence, Name: "tocsin.sequence", Type: Uint, Kinds: all, Doc: "journal sequence of its batch"},
	{ID: TocsinFlags, Name: "tocsin.flags", Type: String, Kinds: all, Doc: "what tocsin had to mend: cut, future, no-time, no-zone, labels-cut, bad-utf8, misfit, unmatched"},

	{ID: LogLevel, Name: "log.level", Type: String, Kinds: logs, Doc: "level word as written"},
	{ID: LogFilePath, Name: "log.file.path", Type: String, Kinds: logs, Doc: "file that the line was read from"},
	{ID: LogOffset, Name: "log.offset", Type: Int, Kinds: logs, Doc: "byte offset of the line in its (uncompressed) file"},
	{ID: SyslogFacility, Name: "log.syslog.facility.code", Type: Int, Kinds: logs, Doc: "RFC 5424 facility, 0-23"},
	{ID: SyslogSeverity, Name: "log.syslog.severity.code", Type: Int, Kinds: logs, Doc: "RFC 5424 severity, 0-7"},
	{ID: SyslogMsgID, Name: "log.syslog.msgid", Type: String, Kinds: logs, Doc: "RFC 5424 MSGID"},
	{ID: SyslogVersion, Name: "log.syslog.version", Type: String, Kinds: logs, Doc: "RFC 5424 VERSION"},
	{ID: ServiceName, Name: "service.name", Type: String, Kinds: all, Doc: "service that the event is about"},
	{ID: ServiceType, Name: "service.type", Type: String, Kinds: all, Doc: "sort of service, such as apache"},
	{ID: ProcessName, Name: "process.name", Type: String, Kinds: logs, Doc: "program that wrote it"},
	{ID: ProcessPID, Name: "process.pid", Type: Int, Kinds: logs, Doc: "process id"},
	{ID: HostName, Name: "host.name", Type: String, Kinds: all, Doc: "host that the event is about"},
	{ID: HostIP, Name: "host.ip", Type: IP, Kinds: all, Doc: "its address"},
	{ID: HostMAC, Name: "host.mac", Type: String, Kinds: devices, Doc: "its hardware address, RFC 7042 form with hyphens, upper case"},
	{ID: ObserverName, Name: "observer.name", Type: String, Kinds: all, Doc: "device that saw it"},
	{ID: ObserverIP, Name: "observer.ip", Type: IP, Kinds: flows | devices | logs, Doc: "address of the device that saw it, such as a flow exporter"},
	{ID: ObserverInterface, Name: "observer.ingress.interface.name", Type: String, Kinds: flows | devices, Doc: "interface it was seen on"},

	{ID: SourceIP, Name: "source.ip", Type: IP, Kinds: talk, Doc: "address that it came from"},
	{ID: SourcePort, Name: "source.port", Type: Int, Kinds: talk, Doc: "port that it came from, 0-65535"},
	{ID: SourceMAC, Name: "source.mac", Type: String, Kinds: flows, Doc: "hardware address that it came from"},
	{ID: SourceBytes, Name: "source.bytes", Type: Uint, Kinds: flows, Doc: "bytes sent by the source"},
	{ID: SourcePackets, Name: "source.packets", Type: Uint, Kinds: flows, Doc: "packets sent by the source"},
	{ID: SourceCountry, Name: "source.geo.country_iso_code", Type: String, Kinds: talk, Doc: "ISO 3166-1 alpha-2"},
	{ID: SourceCity, Name: "source.geo.city_name", Type: String, Kinds: talk, Doc: "city"},
	{ID: SourceASN, Name: "source.as.number", Type: Uint, Kinds: talk, Doc: "autonomous system"},
	{ID: SourceASOrg, Name: "source.as.organization.name", Type: String, Kinds: talk, Doc: "its holder"},
	{ID: SourceDomain, Name: "source.domain", Type: String, Kinds: talk, Doc: "host name of the source"},
	{ID: SourceGroup, Name: "source.group", Type: String, Kinds: talk, Doc: "tocsin: traffic group of the source, given at arrival"},

	{ID: DestinationIP, Name: "destination.ip", Type: IP, Kinds: talk, Doc: "address that it went to"},
	{ID: DestinationPort, Name: "destination.port", Type: Int, Kinds: talk, Doc: "port that it went to, 0-65535"},
	{ID: DestinationMAC, Name: "destination.mac", Type: String, Kinds: flows, Doc: "hardware address that it went to"},
	{ID: DestinationBytes, Name: "destination.bytes", Type: Uint, Kinds: flows, Doc: "bytes sent by the destination"},
	{ID: DestinationPackets, Name: "destination.packets", Type: Uint, Kinds: flows, Doc: "packets sent by the destination"},
	{ID: DestinationCountry, Name: "destination.geo.country_iso_code", Type: String, Kinds: talk, Doc: "ISO 3166-1 alpha-2"},
	{ID: DestinationCity, Name: "destination.geo.city_name", Type: String, Kinds: talk, Doc: "city"},
	{ID: DestinationASN, Name: "destination.as.number", Type: Uint, Kinds: talk, Doc: "autonomous system"},
	{ID: DestinationASOrg, Name: "destination.as.organization.name", Type: String, Kinds: talk, Doc: "its holder"},
	{ID: DestinationDomain, Name: "destination.domain", Type: String, Kinds: talk, Doc: "host name of the destination"},
	{ID: DestinationGroup, Name: "destination.group", Type: String, Kinds: talk, Doc: "tocsin: traffic group of the destination, given at arrival"},

	{ID: NetworkBytes, Name: "network.bytes", Type: Uint, Kinds: flows, Doc: "bytes in both directions"},
	{ID: NetworkPackets, Name: "network.packets", Type: Uint, Kinds: flows, Doc: "packets in both directions"},
	{ID: NetworkTransport, Name: "network.transport", Type: String, Kinds: talk, Doc: "tcp, udp, ..."},
	{ID: NetworkIANA, Name: "network.iana_number", Type: Int, Kinds: flows, Doc: "IANA protocol number"},
	{ID: NetworkProtocol, Name: "network.protocol", Type: String, Kinds: talk, Doc: "application protocol, such as imap"},
	{ID: NetworkType, Name: "network.type", Type: String, Kinds: flows, Doc: "ipv4 or ipv6"},
	{ID: NetworkDirection, Name: "network.direction", Type: String, Kinds: flows, Doc: "inbound, outbound, internal, external"},
	{ID: NetworkApp, Name: "network.application", Type: String, Kinds: flows, Doc: "application as the exporter names it"},
	{ID: FlowID, Name: "flow.id", Type: Uint, Kinds: flows, Doc: "tocsin: stable number of the session that a record belongs to"},
	{ID: FlowRole, Name: "flow.role", Type: String, Kinds: flows, Doc: "tocsin: client when the source opened the session, else server"},
	{ID: FlowTCPFlags, Name: "flow.tcp_flags", Type: Int, Kinds: flows, Doc: "tocsin: TCP flags seen, or-ed (IPFIX element 6)"},
	{ID: FlowSampling, Name: "flow.sampling", Type: Uint, Kinds: flows, Doc: "tocsin: one packet in this many was sampled"},
	{ID: FlowTOS, Name: "flow.tos", Type: Int, Kinds: flows, Doc: "tocsin: IP class of service byte (IPFIX element 5)"},
	{ID: FlowIngress, Name: "flow.ingress", Type: Uint, Kinds: flows, Doc: "tocsin: SNMP index of the input interface (IPFIX element 10)"},
	{ID: FlowEgress, Name: "flow.egress", Type: Uint, Kinds: flows, Doc: "tocsin: SNMP index of the output interface (IPFIX element 14)"},
	{ID: FlowDomain, Name: "flow.domain", Type: Uint, Kinds: flows, Doc: "tocsin: observation domain of the exporter (RFC 7011 section 3.1)"},
	{ID: FlowRepeated, Name: "flow.repeated", Type: Bool, Kinds: flows, Doc: "tocsin: true where another exporter tells of this direction of the session; else missing"},

	{ID: UserName, Name: "user.name", Type: String, Kinds: all, Doc: "who"},
	{ID: UserID, Name: "user.id", Type: String, Kinds: all, Doc: "number or principal of the user"},
	{ID: UserDomain, Name: "user.domain", Type: String, Kinds: all, Doc: "directory or realm of the user"},
	{ID: UserAgent, Name: "user_agent.original", Type: String, Kinds: requests, Doc: "user agent as sent"},
	{ID: UserAgentApp, Name: "user_agent.name", Type: String, Kinds: requests, Doc: "name of the program"},
	{ID: DeviceID, Name: "device.id", Type: String, Kinds: logins | devices, Doc: "identifier of the device"},
	{ID: SessionID, Name: "session.id", Type: String, Plain: true, Kinds: logins, Doc: "tocsin: the login's session"},
	{ID: TLSUsed, Name: "tls.established", Type: Bool, Kinds: requests, Doc: "whether TLS was used"},
	{ID: PolicyReject, Name: "login.policy_reject", Type: Bool, Kinds: logins, Doc: "tocsin: refused by policy and not for the password"},
	{ID: PasswordHash, Name: "login.pwhash", Type: String, Kinds: logins, Doc: "tocsin: short hash of the tried password, as the reporter sends it"},

	{ID: HTTPMethod, Name: "http.request.method", Type: String, Kinds: logs, Doc: "RFC 9110 method"},
	{ID: HTTPVersion, Name: "http.version", Type: String, Kinds: logs, Doc: "version of HTTP, such as 1.1"},
	{ID: HTTPStatus, Name: "http.response.status_code", Type: Int, Kinds: logs, Doc: "RFC 9110 status code"},
	{ID: HTTPResponseBytes, Name: "http.response.bytes", Type: Int, Kinds: logs, Doc: "bytes of the response"},
	{ID: HTTPRequestBytes, Name: "http.request.bytes", Type: Int, Kinds: logs, Doc: "bytes of the request"},
	{ID: HTTPReferrer, Name: "http.request.referrer", Type: String, Kinds: logs, Doc: "Referer header"},
	{ID: HTTPRequestID, Name: "http.request.id", Type: String, Plain: true, Kinds: logs, Doc: "id of the request"},
	{ID: URLOriginal, Name: "url.original", Type: String, Kinds: logs, Doc: "request target as sent"},
	{ID: URLPath, Name: "url.path", Type: String, Kinds: logs, Doc: "path, without query"},
	{ID: URLQuery, Name: "url.query", Type: String, Kinds: logs, Doc: "query, without the question mark"},
	{ID: URLDomain, Name: "url.domain", Type: String, Kinds: logs, Doc: "host asked for"},
	{ID: URLScheme, Name: "url.scheme", Type: String, Kinds: logs, Doc: "http or https"},

	{ID: CloudProvider, Name: "cloud.provider", Type: String, Kinds: logs, Doc: "cloud, such as aws"},
	{ID: CloudRegion, Name: "cloud.region", Type: String, Kinds: logs, Doc: "its region"},
	{ID: CloudAccount, Name: "cloud.account.id", Type: String, Kinds: logs, Doc: "account in it"},

	{ID: WirelessSignal, Name: "wireless.signal", Type: Int, Kinds: devices, Doc: "tocsin: received signal strength in dBm"},
	{ID: WirelessSSID, Name: "wireless.ssid", Type: String, Kinds: devices, Doc: "tocsin: name of the wireless network"},
	{ID: NeighborState, Name: "neighbor.flags", Type: Int, Kinds: devices, Doc: "tocsin: flags of the ARP table row"},

	{ID: RelatedIP, Name: "related.ip", Type: IP, Kinds: all, Any: []FieldID{SourceIP, DestinationIP, HostIP}, Doc: "any address of the event"},
	{ID: RelatedPort, Name: "related.port", Type: Int, Kinds: talk, Any: []FieldID{SourcePort, DestinationPort}, Doc: "tocsin: port of either side"},
	{ID: RelatedMAC, Name: "related.mac", Type: String, Kinds: all, Any: []FieldID{HostMAC, SourceMAC, DestinationMAC}, Doc: "tocsin: any hardware address of the event"},
	{ID: RelatedCountry, Name: "related.country", Type: String, Kinds: talk, Any: []FieldID{SourceCountry, DestinationCountry}, Doc: "tocsin: country of either side"},
	{ID: RelatedASN, Name: "related.as.number", Type: Uint, Kinds: talk, Any: []FieldID{SourceASN, DestinationASN}, Doc: "tocsin: autonomous system of either side"},
	{ID: RelatedGroup, Name: "related.group", Type: String, Kinds: talk, Any: []FieldID{SourceGroup, DestinationGroup}, Doc: "tocsin: traffic group of either side"},

	{ID: FlowHost, Name: "flow.host", Type: IP, Kinds: flows, View: true, Any: []FieldID{SourceIP, DestinationIP}, Doc: "tocsin: each of the two ends; groups a flow twice"},
	{ID: FlowLower, Name: "flow.lower", Type: IP, Kinds: flows, View: true, Any: []FieldID{SourceIP, DestinationIP}, Doc: "tocsin: of the two ends the lower address; what it sent, it sent to the higher one"},
	{ID: FlowHigher, Name: "flow.higher", Type: IP, Kinds: flows, View: true, Any: []FieldID{SourceIP, DestinationIP}, Doc: "tocsin: of the two ends the higher address"},
	{ID: FlowPort, Name: "flow.port", Type: Int, Kinds: flows, View: true, Any: []FieldID{SourcePort, DestinationPort}, Doc: "tocsin: port of the server, 0-65535"},
	{ID: FlowCountry, Name: "flow.country", Type: String, Kinds: flows, View: true, Any: []FieldID{SourceCountry, DestinationCountry}, Doc: "tocsin: country of each of the two ends; groups a flow twice"},
	{ID: FlowASN, Name: "flow.as.number", Type: Uint, Kinds: flows, View: true, Any: []FieldID{SourceASN, DestinationASN}, Doc: "tocsin: autonomous system of each of the two ends; groups a flow twice"},
	{ID: FlowGroup, Name: "flow.group", Type: String, Kinds: flows, View: true, Any: []FieldID{SourceGroup, DestinationGroup}, Doc: "tocsin: traffic group of each of the two ends; groups a flow twice"},
	{ID: FlowInterface, Name: "flow.interface", Type: Uint, Kinds: flows, View: true, Any: []FieldID{FlowIngress, FlowEgress}, Doc: "tocsin: SNMP index of each of the two interfaces that a flow passed; what came in by one it received, what left it sent; groups a flow twice"},
	{ID: FlowClient, Name: "flow.client", Type: IP, Kinds: flows, View: true, Any: []FieldID{SourceIP, DestinationIP}, Doc: "tocsin: end that opened the session"},
	{ID: FlowServer, Name: "flow.server", Type: IP, Kinds: flows, View: true, Any: []FieldID{SourceIP, DestinationIP}, Doc: "tocsin: end that was spoken to"},
	{ID: FlowPeer, Name: "flow.peer", Type: IP, Kinds: flows, View: true, Any: []FieldID{SourceIP, DestinationIP}, Doc: "tocsin: the other end, whoever opened the session"},
	{ID: FlowTarget, Name: "flow.target", Type: IP, Kinds: flows, View: true, Any: []FieldID{SourceIP, DestinationIP}, Doc: "tocsin: the other end, where the entity opened the session"},
	{ID: FlowTargetPort, Name: "flow.target.port", Type: Int, Kinds: flows, View: true, Any: []FieldID{SourcePort, DestinationPort}, Doc: "tocsin: port of the other end, where the entity opened the session"},
	{ID: FlowSentBytes, Name: "flow.sent.bytes", Type: Uint, Kinds: flows, View: true, Any: []FieldID{SourceBytes}, Doc: "tocsin: bytes that the entity sent"},
	{ID: FlowSentPackets, Name: "flow.sent.packets", Type: Uint, Kinds: flows, View: true, Any: []FieldID{SourcePackets}, Doc: "tocsin: packets that the entity sent"},
	{ID: FlowReceivedBytes, Name: "flow.received.bytes", Type: Uint, Kinds: flows, View: true, Any: []FieldID{SourceBytes}, Doc: "tocsin: bytes that the entity received"},
	{ID: FlowReceivedPackets, Name: "flow.received.packets", Type: Uint, Kinds: flows, View: true, Any: []FieldID{SourcePackets}, Doc: "tocsin: packets that the entity received"},
	{ID: FlowInitiated, Name: "flow.initiated", Type: Uint, Kinds: flows, View: true, Any: []FieldID{FlowID}, Doc: "tocsin: number of a session that the entity opened"},
	{ID: FlowAccepted, Name: "flow.accepted", Type: Uint, Kinds: flows, View: true, Any: []FieldID{FlowID}, Doc: "tocsin: number of a session that another opened with the entity"},
}

// aliases are other names under which people know fields: older ECS names and those of the OpenTelemetry semantic conventions.
var aliases = map[string]FieldID{
	"time":                     Timestamp,
	"timestamp":                Timestamp,
	"received":                 Ingested,
	"client.address":           SourceIP,
	"client.ip":                SourceIP,
	"server.address":           DestinationIP,
	"http.response.body.bytes": HTTPResponseBytes,
	"http.response.body.size":  HTTPResponseBytes,
	"http.request.body.bytes":  HTTPRequestBytes,
	"severity":                 LogLevel,
	"raw":                      EventOriginal,
}

// schema is the two indexes over fields, made once.
var schema = sync.OnceValue(func() (s struct {
	byID   [MaxFieldID + 1]*Field
	byName map[string]*Field
}) {
	s.byName = make(map[string]*Field, len(fields)+len(aliases))
	for i := range fields {
		f := &fields[i]
		s.byID[f.ID] = f
		s.byName[f.Name] = f
	}
	for name, id := range aliases {
		s.byName[name] = s.byID[id]
	}
	return s
})

// Fields lists the schema in the order of the reference page.
func Fields() []Field { return slices.Clone(fields) }

// FieldNames lists every name that FieldByName knows, aliases included, in no particular order.
func FieldNames() []string { return slices.Collect(maps.Keys(schema().byName)) }

// FieldByID returns the field with a number; false when this version knows none, as in data of a newer one.
func FieldByID(id FieldID) (*Field, bool) {
	if id > MaxFieldID {
		return nil, false
	}
	f := schema().byID[id]
	return f, f != nil
}

// FieldByName returns the field of an ECS name or alias.
func FieldByName(name string) (*Field, bool) {
	f, ok := schema().byName[name]
	return f, ok
}

// mustField is for numbers that stand in this package's own table.
func mustField(id FieldID) *Field {
	f, ok := FieldByID(id)
	if !ok {
		panic("event: no field with this number")
	}
	return f
}
