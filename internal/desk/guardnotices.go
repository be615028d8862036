package desk

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// Notices implements api.Service.
func (g *Guard) Notices(ctx context.Context, q api.NoticeRequest) ([]api.AlertNotice, error) {
	return look(ctx, permission.ListNotices, func() ([]api.AlertNotice, error) { return g.desk.Notices(ctx, q) })
}

// SendNotices implements api.Service.
func (g *Guard) SendNotices(ctx context.Context, q api.NoticesAgain) (api.NoticesSent, error) {
	return change(ctx, g, permission.SendNotices, "notices", words(q), func(ctx context.Context) (api.NoticesSent, error) {
		return g.desk.SendNotices(ctx, q)
	})
}

// PreviewNotice implements api.Service.
func (g *Guard) PreviewNotice(ctx context.Context, q api.PreviewRequest) (api.NoticePreview, error) {
	return look(ctx, permission.PreviewTemplate, func() (api.NoticePreview, error) { return g.desk.PreviewNotice(ctx, q) })
}

// TestChannel implements api.Service.
func (g *Guard) TestChannel(ctx context.Context, q api.ChannelTest) (api.ChannelTested, error) {
	return change(ctx, g, permission.TestChannel, "channel "+q.Channel, "", func(ctx context.Context) (api.ChannelTested, error) {
		return g.desk.TestChannel(ctx, q)
	})
}
