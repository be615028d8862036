package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/permission"
)

// Operations says of each command, by its words behind tocsin, what it asks of the service; "" is nothing, as it works
// without. Of one that asks several things it is the first: rules edit looks before it changes.
func Operations() map[string]permission.Operation {
	return map[string]permission.Operation{
		"alerts list": permission.ListAlerts, "alerts show": permission.ShowAlert, "alerts explain": permission.ShowAlert, "alerts export": permission.ListAlerts,
		"alerts follow": permission.ListAlerts, "alerts ack": permission.ActOnAlert, "alerts unack": permission.ActOnAlert, "alerts assign": permission.ActOnAlert,
		"alerts comment": permission.ActOnAlert, "alerts close": permission.ActOnAlert, "alerts exclude": permission.ChangeMute, "alerts silence": permission.ChangeMute,
		"audit list": permission.ListAudit, "backup": permission.Backup, "clear alerts": permission.Clear, "clear events": permission.Clear, "reset": permission.Clear,
		"groups list": permission.ListGroups, "groups set": permission.ChangeGroup, "groups remove": permission.ChangeGroup, "groups import": permission.ChangeGroup,
		"groups export": permission.ListGroups, "names list": permission.ListNames, "names set": permission.ChangeName, "names remove": permission.ChangeName,
		"names import": permission.ChangeName, "names export": permission.ListNames, "names of": permission.ListNames,
		"exporters": permission.ListExporters, "exporters interfaces": permission.ListExporters, "detect": permission.Detect, "explain": permission.Explain, "search": permission.Search, "top": permission.Top, "sessions": permission.ListSessions, "ingest": permission.Ingest,
		"import logtrack": permission.Adopt, "selftest": permission.Selftest,
		"exclusions add": permission.ChangeMute, "exclusions list": permission.ListMutes, "exclusions remove": permission.ChangeMute, "exclusions show": permission.ListMutes,
		"silences add": permission.ChangeMute, "silences end": permission.ChangeMute, "silences list": permission.ListMutes, "silences show": permission.ListMutes,
		"windows add": permission.ChangeMute, "windows end": permission.ChangeMute, "windows list": permission.ListMutes, "windows show": permission.ListMutes,
		"board show": permission.ShowBoard, "board set": permission.ChangeBoard, "board reset": permission.ChangeBoard,
		"views list": permission.ListViews, "views save": permission.ChangeView, "views remove": permission.ChangeView,
		"reports list": permission.ListReports, "reports set": permission.ChangeReport, "reports run": permission.RunReport, "reports results": permission.ListReports,
		"reports show": permission.ListReports, "reports pause": permission.ListReports, "reports resume": permission.ListReports, "reports remove": permission.ChangeReport,
		"reports forget": permission.ChangeReport,
		"me show":        permission.ShowPreferences, "me digest off": permission.ChangePreferences, "me digest set": permission.ChangePreferences,
		"me everyone": permission.ChangePreferences, "me filter": permission.ChangePreferences, "me mail off": permission.ChangePreferences,
		"me mail set": permission.ChangePreferences, "me quiet add": permission.ChangePreferences, "me quiet off": permission.ChangePreferences,
		"me quiet set": permission.ChangePreferences, "me severity": permission.ChangePreferences, "me syslog off": permission.ChangePreferences,
		"me syslog set": permission.ChangePreferences, "me test": permission.ChangePreferences, "me zone": permission.ChangePreferences,
		"settings mail show": permission.ShowMail, "settings mail set": permission.ChangeMail, "settings mail off": permission.ChangeMail,
		"notices list": permission.ListNotices, "notices send-again": permission.SendNotices, "notify preview": permission.PreviewTemplate, "notify test": permission.TestChannel,
		"quarantine list": permission.ListQuarantine, "quarantine show": permission.ListQuarantine, "quarantine retry": permission.RetryQuarantine,
		"quarantine drop": permission.DropQuarantine,
		"rules list":      permission.ListRules, "rules show": permission.ListRules, "rules add": permission.ChangeRule, "rules define": permission.ChangeRule, "rules edit": permission.ListRules,
		"rules import": permission.ChangeRule, "rules delete": permission.DeleteRule, "rules enable": permission.EnableRule, "rules disable": permission.EnableRule,
		"tokens list": permission.ListTokens, "tokens make": permission.MakeToken, "tokens revoke": permission.RevokeToken,
		"users list": permission.ListUsers, "users show": permission.ShowUser, "users add": permission.AddUser, "users password": permission.SetPassword,
		"users promote": permission.SetRole, "users demote": permission.SetRole, "users enable": permission.EnableUser, "users disable": permission.EnableUser,
		"users filter": permission.FilterUser, "users delete": permission.DeleteUser, "users logout": permission.LogOutUser, "users token": permission.MakeToken,

		"check": "", "healthcheck": "", "demo": "", "serve": "", "version": "", "faces install": "", "faces list": "", "faces remove": "", "formats list": "", "formats test": "",
		"rules test": "", "rules packs show": "",
	}
}

// tellPermissions says in the help of each command that needs one who may, as the table of permissions has it.
func tellPermissions(c *cobra.Command) {
	for _, sub := range c.Commands() {
		tellPermissions(sub)
	}
	op := Operations()[commandName(c)]
	if op == "" {
		return
	}
	if line, _ := permission.Of(op); line.Least == permission.Admin {
		if c.Long == "" {
			c.Long = c.Short + "."
		}
		c.Long = strings.TrimRight(c.Long, "\n") + "\nFor administrators, as is who owns the data directory."
	}
}

// commandName is the words of a command behind tocsin.
func commandName(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}
