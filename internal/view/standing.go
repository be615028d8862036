package view

import (
	"slices"

	"tocsin/internal/event"
)

// An end is the fields of one end of a record.
type end struct{ ip, port, country, system, group, iface event.FieldID }

// What a flow left by is an end that sent, as seen from the network behind it.
var (
	source      = end{event.SourceIP, event.SourcePort, event.SourceCountry, event.SourceASN, event.SourceGroup, event.FlowEgress}
	destination = end{event.DestinationIP, event.DestinationPort, event.DestinationCountry, event.DestinationASN, event.DestinationGroup, event.FlowIngress}
)

// A standing is how an entity stands to the rows of an aspect.
type standing struct {
	client, upward condition
	sender         condition // the entity is the source of the row, its destination, or both ends at once
}

// standings lists the ways in which the entity that some fields tell can stand to a row.
func standings(by []event.FieldID) []standing {
	has := func(ids ...event.FieldID) bool {
		return slices.ContainsFunc(by, func(id event.FieldID) bool { return slices.Contains(ids, id) })
	}
	roles := []condition{must, mustNot}
	var list []standing
	switch {
	case has(event.FlowHost, event.FlowCountry, event.FlowASN, event.FlowGroup, event.FlowInterface):
		for _, sender := range []condition{must, mustNot} {
			for _, client := range roles {
				list = append(list, standing{client: client, sender: sender})
			}
		}
	case has(event.FlowLower, event.FlowHigher): // the lower one is who sends and opens
		for _, upward := range []condition{must, mustNot} {
			for _, client := range roles {
				list = append(list, standing{client: client, upward: upward, sender: upward})
			}
		}
	case has(event.FlowClient) && !has(event.FlowServer, event.FlowPort):
		for _, client := range roles {
			list = append(list, standing{client: client, sender: client})
		}
	default: // a port is looked at as the server
		for _, client := range roles {
			list = append(list, standing{client: client, sender: mustNot - client + must})
		}
	}
	return list
}

// of returns the field that a field of a view is; 0 when it is none.
func (s *standing) of(id event.FieldID) event.FieldID {
	client, server := source, destination
	if s.client == mustNot {
		client, server = server, client
	}
	mine, other := source, destination
	if s.sender == mustNot {
		mine, other = other, mine
	}
	opened := s.sender == s.client // who sends the row opened the session and is the entity, or neither
	switch id {
	case event.FlowHost:
		return mine.ip
	case event.FlowCountry:
		return mine.country
	case event.FlowASN:
		return mine.system
	case event.FlowGroup:
		return mine.group
	case event.FlowInterface:
		return mine.iface
	case event.FlowPeer:
		return other.ip
	case event.FlowLower:
		return mine.ip
	case event.FlowHigher:
		return other.ip
	case event.FlowClient:
		return client.ip
	case event.FlowServer:
		return server.ip
	case event.FlowPort:
		return server.port
	case event.FlowTarget, event.FlowTargetPort, event.FlowInitiated:
		if opened {
			return map[event.FieldID]event.FieldID{event.FlowTarget: server.ip, event.FlowTargetPort: server.port, event.FlowInitiated: event.FlowID}[id]
		}
	case event.FlowAccepted:
		if !opened {
			return event.FlowID
		}
	case event.FlowSentBytes, event.FlowSentPackets:
		if s.sender != mustNot {
			return map[event.FieldID]event.FieldID{event.FlowSentBytes: event.SourceBytes, event.FlowSentPackets: event.SourcePackets}[id]
		}
	case event.FlowReceivedBytes, event.FlowReceivedPackets:
		if s.sender == mustNot {
			return map[event.FieldID]event.FieldID{event.FlowReceivedBytes: event.SourceBytes, event.FlowReceivedPackets: event.SourcePackets}[id]
		}
	}
	return 0
}
