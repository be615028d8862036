package httpapi

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// noticeRoutes are those of notices and channels.
func (s *Server) noticeRoutes() []route {
	v := s.service
	return []route{
		ask("GET", "/api/v1/notices", permission.ListNotices, "Lists what people were told, or not and why, the newest first: to oneself, to administrators all.", v.Notices),
		ask("POST", "/api/v1/notices/send", permission.SendNotices, "Sends notices again that were given up.", v.SendNotices),
		ask("POST", "/api/v1/channels/preview", permission.PreviewTemplate, "Shows how a channel would tell of an alert. Nothing is sent.", v.PreviewNotice),
		ask("POST", "/api/v1/channels/test", permission.TestChannel, "Sends a test message over a channel, and tells what the other side answers.", v.TestChannel),
	}
}

// Notices implements api.Service.
func (c *Client) Notices(ctx context.Context, q api.NoticeRequest) ([]api.AlertNotice, error) {
	return get[[]api.AlertNotice](ctx, c, "/api/v1/notices", encodeQuery(q))
}

// SendNotices implements api.Service.
func (c *Client) SendNotices(ctx context.Context, q api.NoticesAgain) (api.NoticesSent, error) {
	return post[api.NoticesSent](ctx, c, "/api/v1/notices/send", q)
}

// PreviewNotice implements api.Service.
func (c *Client) PreviewNotice(ctx context.Context, q api.PreviewRequest) (api.NoticePreview, error) {
	return post[api.NoticePreview](ctx, c, "/api/v1/channels/preview", q)
}

// TestChannel implements api.Service.
func (c *Client) TestChannel(ctx context.Context, q api.ChannelTest) (api.ChannelTested, error) {
	return post[api.ChannelTested](ctx, c, "/api/v1/channels/test", q)
}
