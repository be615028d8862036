package desk

import (
	"context"
	"strconv"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// aReport names a report in the audit log.
func aReport(ctx context.Context, name, user string) string {
	return "report " + name + " of " + ownOr(ctx, user)
}

// Reports implements api.Service.
func (g *Guard) Reports(ctx context.Context, user string) ([]api.Report, error) {
	return look(ctx, permission.ListReports, func() ([]api.Report, error) { return g.desk.Reports(ctx, user) })
}

// PutReport implements api.Service.
func (g *Guard) PutReport(ctx context.Context, q api.ReportEdit) (api.Report, error) {
	return change(ctx, g, permission.ChangeReport, aReport(ctx, q.Name, q.User), q.Address, func(ctx context.Context) (api.Report, error) { return g.desk.PutReport(ctx, q) })
}

// DeleteReport implements api.Service.
func (g *Guard) DeleteReport(ctx context.Context, q api.ReportRef) error {
	return alter(ctx, g, permission.ChangeReport, aReport(ctx, q.Name, q.User), "removed", func(ctx context.Context) error { return g.desk.DeleteReport(ctx, q) })
}

// RunReport implements api.Service.
func (g *Guard) RunReport(ctx context.Context, q api.ReportRun) (api.ReportResult, error) {
	return change(ctx, g, permission.RunReport, aReport(ctx, q.Name, q.User), "", func(ctx context.Context) (api.ReportResult, error) { return g.desk.RunReport(ctx, q) })
}

// ReportResults implements api.Service.
func (g *Guard) ReportResults(ctx context.Context, q api.ReportRef) ([]api.ReportResult, error) {
	return look(ctx, permission.ListReports, func() ([]api.ReportResult, error) { return g.desk.ReportResults(ctx, q) })
}

// ReportResult implements api.Service.
func (g *Guard) ReportResult(ctx context.Context, q api.ResultRef) (api.ReportResult, error) {
	return look(ctx, permission.ListReports, func() (api.ReportResult, error) { return g.desk.ReportResult(ctx, q) })
}

// DeleteReportResult implements api.Service.
func (g *Guard) DeleteReportResult(ctx context.Context, q api.ResultRef) error {
	subject := "result " + strconv.FormatInt(q.ID, 10) + " of " + aReport(ctx, q.Report, q.User)
	return alter(ctx, g, permission.ChangeReport, subject, "removed", func(ctx context.Context) error { return g.desk.DeleteReportResult(ctx, q) })
}
