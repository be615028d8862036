package preference_test

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/document"
	"tocsin/internal/preference"
)

func server() preference.MailServer {
	return preference.MailServer{
		Server: "mail.example.org", Port: 587, From: "Tocsin <tocsin@example.org>", TLS: "starttls", User: "tocsin",
		Password: document.NewSecret(`hunter2 "ä`), CA: "/etc/ssl/ca.pem",
	}
}

// The ledger's text has the password, and nothing else that is printed shows it.
func TestMailServerRoundTrip(t *testing.T) {
	for _, m := range []preference.MailServer{{}, server(), {Server: "::1", From: "a@b.example", TLS: "none"}} {
		if err := m.Validate(); err != nil {
			t.Errorf("Validate(%+v) = %v", m, err)
		}
		text, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := preference.DecodeMailServer(text)
		if err != nil || got != m {
			t.Errorf("Decode(Encode(%+v)) = %+v, %v", m, got, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", server(), server(), server()); strings.Contains(text, "hunter2") {
		t.Errorf("the password is printed: %s", text)
	}
	if _, err := preference.DecodeMailServer(`{"password":"hunter2"`); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("DecodeMailServer of what is cut off = %v", err)
	}
}

func TestMailServerMistakes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*preference.MailServer)
		want   string
	}{
		"no server":           {func(m *preference.MailServer) { m.Server = "" }, "server"},
		"server with port":    {func(m *preference.MailServer) { m.Server = "mail.example.org:25" }, "without its port"},
		"foul server":         {func(m *preference.MailServer) { m.Server = "mail.example.org\r\nx" }, "server"},
		"port":                {func(m *preference.MailServer) { m.Port = -1 }, "port"},
		"no sender":           {func(m *preference.MailServer) { m.From = "" }, "from"},
		"sender with header":  {func(m *preference.MailServer) { m.From = "a@b.example\r\nBcc: evil@example.com" }, "from"},
		"two senders":         {func(m *preference.MailServer) { m.From = "a@b.example, c@d.example" }, "from"},
		"sender of elsewhere": {func(m *preference.MailServer) { m.From = "a@bücher.example" }, "from"},
		"tls":                 {func(m *preference.MailServer) { m.TLS = "ssl" }, "tls"},
		"user alone":          {func(m *preference.MailServer) { m.Password = document.Secret{} }, "both user and password"},
		"password alone":      {func(m *preference.MailServer) { m.User = "" }, "both user and password"},
		"foul password":       {func(m *preference.MailServer) { m.Password = document.NewSecret("hunter2\r\nRSET") }, "without line breaks"},
		"long password":       {func(m *preference.MailServer) { m.Password = document.NewSecret(strings.Repeat("hunter2", 1000)) }, "at most 1024"},
		"relative path":       {func(m *preference.MailServer) { m.CA = "ca.pem" }, "ca"},
	} {
		m := server()
		test.change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: Validate = %v, want %q in it", name, err, test.want)
		}
	}
}
