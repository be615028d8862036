package desk

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// Preferences implements api.Service.
func (g *Guard) Preferences(ctx context.Context, user string) (api.Preferences, error) {
	return look(ctx, permission.ShowPreferences, func() (api.Preferences, error) { return g.desk.Preferences(ctx, user) })
}

// PutPreferences implements api.Service.
func (g *Guard) PutPreferences(ctx context.Context, q api.PreferencesEdit) (api.PreferencesSaved, error) {
	return change(ctx, g, permission.ChangePreferences, "preferences of "+ownOr(ctx, q.User), "", func(ctx context.Context) (api.PreferencesSaved, error) {
		return g.desk.PutPreferences(ctx, q)
	})
}

// TestWays implements api.Service.
func (g *Guard) TestWays(ctx context.Context, user string) ([]api.WayTest, error) {
	return change(ctx, g, permission.ChangePreferences, "test messages to "+ownOr(ctx, user), "", func(ctx context.Context) ([]api.WayTest, error) {
		return g.desk.TestWays(ctx, user)
	})
}

// MailServer implements api.Service.
func (g *Guard) MailServer(ctx context.Context) (api.MailServer, error) {
	return look(ctx, permission.ShowMail, func() (api.MailServer, error) { return g.desk.MailServer(ctx) })
}

// PutMailServer implements api.Service. Its line tells no password.
func (g *Guard) PutMailServer(ctx context.Context, q api.MailServerEdit) (api.MailServerSaved, error) {
	return change(ctx, g, permission.ChangeMail, "mail server", "", func(ctx context.Context) (api.MailServerSaved, error) {
		return g.desk.PutMailServer(ctx, q)
	})
}

// ownOr is who is meant by a name, the caller where there is none.
func ownOr(ctx context.Context, user string) string {
	if user == "" {
		return api.Caller(ctx).User
	}
	return user
}
