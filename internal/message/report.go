package message

import (
	"html"

	"tocsin/internal/notifier"
)

// reported is what a report was answered, which is in words already: templates speak of alerts. Its table needs letters of one width.
func reported(n notifier.Notice) Message {
	text := plain(n.Report.Text) + "\n-- \ntocsin"
	if n.Node != "" {
		text += " on " + plain(n.Node)
	}
	text += "\n"
	return Message{Subject: line(n.Report.Subject), Text: text, HTML: "<!doctype html>\n<pre>" + html.EscapeString(text) + "</pre>\n"}
}
