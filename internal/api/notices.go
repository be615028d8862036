package api

// A NoticeRequest selects notices, the newest first. A zero field selects all. Who is no administrator gets his own.
type NoticeRequest struct {
	Alert   int64  `json:"alert,omitempty"`
	Channel string `json:"channel,omitempty"`
	User    string `json:"user,omitempty"`
	State   string `json:"state,omitempty"`  // pending, leased, sent, dead, held, bundled or muted
	Before  int64  `json:"before,omitempty"` // number that all are below, to go on behind a page
	Limit   int    `json:"limit,omitempty"`  // 0 is 100, 1,000 at most
}

// NoticesAgain says which notices that were given up are to be sent again: those of IDs, or else all of a channel, 10,000 at most.
type NoticesAgain struct {
	IDs     []int64 `json:"ids,omitempty"`
	Channel string  `json:"channel,omitempty"`
}

// NoticesSent tells which notices are sent again.
type NoticesSent struct {
	IDs []int64 `json:"ids"`
}

// A PreviewRequest asks how a channel would tell of an alert. Nothing is sent.
type PreviewRequest struct {
	Channel string `json:"channel"`
	Alert   int64  `json:"alert"`            // number; 0 is a made-up one
	Change  string `json:"change,omitempty"` // CREATE, UPDATE, END or SUMMARY; empty is CREATE
}

// A NoticePreview is what would be sent.
type NoticePreview struct {
	Channel string `json:"channel"`
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
	HTML    string `json:"html,omitempty"`
	Problem string `json:"problem,omitempty"` // why the channel's own template is not used
	// Shipped are the templates that come with tocsin, to be copied; none for a channel that has none.
	Shipped *NoticeTemplates `json:"shipped,omitempty"`
}

// NoticeTemplates are templates as they stand in the configuration.
type NoticeTemplates struct {
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text,omitempty"`
	HTML    string `json:"html,omitempty"`
}

// A ChannelTest asks for a test message over a channel.
type ChannelTest struct {
	Channel string `json:"channel"`
}

// A ChannelTested tells what the other side answered.
type ChannelTested struct {
	Channel string `json:"channel"`
	Answer  string `json:"answer"`
}
