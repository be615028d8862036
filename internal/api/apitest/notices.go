package apitest

import (
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// notices: what is asked wrongly about notices and channels is refused.
func notices(s *suite) {
	list, err := s.Notices(s.ctx, api.NoticeRequest{})
	if err != nil || len(list) != 0 {
		s.Errorf("Notices of nothing = %+v, %v", list, err)
	}
	_, err = s.Notices(s.ctx, api.NoticeRequest{State: "lost"})
	s.kind("Notices in no state", err, fault.Invalid)
	_, err = s.Notices(s.ctx, api.NoticeRequest{Limit: 1001})
	s.kind("Notices without bound", err, fault.Invalid)
	_, err = s.SendNotices(s.ctx, api.NoticesAgain{})
	s.kind("SendNotices of none", err, fault.Invalid)
	_, err = s.SendNotices(s.ctx, api.NoticesAgain{IDs: []int64{1}, Channel: "pager"})
	s.kind("SendNotices of both", err, fault.Invalid)
	_, err = s.SendNotices(s.ctx, api.NoticesAgain{IDs: []int64{1 << 40}})
	s.kind("SendNotices of what is not", err, fault.NotFound)
	if sent, err := s.SendNotices(s.ctx, api.NoticesAgain{Channel: "nosuch"}); err != nil || len(sent.IDs) != 0 {
		s.Errorf("SendNotices of no channel = %+v, %v", sent, err)
	}
	_, err = s.PreviewNotice(s.ctx, api.PreviewRequest{Channel: "nosuch"})
	s.kind("PreviewNotice of no channel", err, fault.NotFound)
	_, err = s.PreviewNotice(s.ctx, api.PreviewRequest{Channel: "nosuch", Change: "LOST"})
	s.kind("PreviewNotice of no change", err, fault.Invalid)
	_, err = s.PreviewNotice(s.ctx, api.PreviewRequest{Channel: "nosuch", Alert: 1 << 40})
	s.kind("PreviewNotice of no alert", err, fault.NotFound)
	_, err = s.TestChannel(s.ctx, api.ChannelTest{Channel: "nosuch"})
	s.kind("TestChannel of none", err, fault.NotFound)
}
