package view

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/event"
)

// Of is New for who groups by the names of fields, as Expand returns them or as they were written, and measures others, of
// which some may be nil. Names that mean nothing are left out. It returns nil when none is a field of a view; Each of that
// shows a batch as it is.
func Of(by []string, measured ...*event.Field) *View {
	v, _ := New(ids(by), numbers(measured))
	return v
}

func ids(names []string) (list []event.FieldID) {
	for _, name := range Expand(names) {
		if f, ok := event.FieldByName(name); ok {
			list = append(list, f.ID)
		}
	}
	return list
}

func numbers(fields []*event.Field) (list []event.FieldID) {
	for _, f := range fields {
		if f != nil {
			list = append(list, f.ID)
		}
	}
	return list
}

// Check says why these names, as they were written, cannot be grouped by, or why a field, which may be nil, cannot be
// measured of such groups; nil when all is well.
func Check(by []string, measured *event.Field) error {
	group := ids(by)
	has := func(list ...event.FieldID) bool {
		return slices.ContainsFunc(list, func(id event.FieldID) bool { return slices.Contains(group, id) })
	}
	pair := has(event.FlowLower, event.FlowHigher)
	switch {
	case has(event.FlowHost) && has(event.FlowCountry):
		return errors.New("by: flow.host and flow.country each stand for both ends of a flow, want one of them (source.country and destination.country may stand beside flow.host)")
	case pair && has(event.FlowHost, event.FlowCountry):
		return fmt.Errorf("by: flow.pair is of both ends of a flow and %s of either, want one of them", strings.Join(ofEitherEnd(by), ", "))
	case measured == nil || !measured.View:
		return nil
	case has(measured.ID):
		return fmt.Errorf("metric: %s tells the group itself, of which there is but one", measured.Name)
	case pair && slices.Contains([]event.FieldID{event.FlowHost, event.FlowPeer, event.FlowTarget, event.FlowClient, event.FlowServer}, measured.ID):
		return errors.New("metric: a pair is two hosts, so there are none to count; count its ports (flow.port), its sessions (flow.id), or group by flow.host")
	case has(event.FlowPort) && measured.ID == event.FlowTargetPort && !has(event.FlowHost):
		return errors.New("metric: flow.target.port of a group by flow.port is that port; count hosts (flow.client, flow.server), or group by flow.host")
	case relative(measured.ID) && !has(event.FlowHost, event.FlowCountry, event.FlowLower, event.FlowHigher, event.FlowClient, event.FlowServer, event.FlowPort):
		return fmt.Errorf("metric: %s is told from where somebody stands, which `by` does not say; put flow.host, flow.pair, flow.port, flow.country, flow.client or flow.server there", measured.Name)
	}
	return nil
}

// ofEitherEnd lists those of names that stand for either end.
func ofEitherEnd(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name != "flow.host" && name != "flow.country" })
}

// relative reports whether a field depends on who looks at the flow.
func relative(id event.FieldID) bool {
	switch id {
	case event.FlowPeer, event.FlowTarget, event.FlowTargetPort, event.FlowInitiated, event.FlowAccepted,
		event.FlowSentBytes, event.FlowSentPackets, event.FlowReceivedBytes, event.FlowReceivedPackets:
		return true
	}
	return false
}
