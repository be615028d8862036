package app

import "strconv"

// linker returns what tells the address of an alert's page. It is asked when notices are sent, which is after New.
func (a *App) linker(machine string) func(alert int64) string {
	return func(alert int64) string {
		base := a.pageURL(machine)
		if base == "" {
			return ""
		}
		if alert == 0 {
			return base + "/" // a summary tells of several
		}
		return base + "/alerts/" + strconv.FormatInt(alert, 10)
	}
}

// origin returns where people find the page as an operator named it, "" when he did not.
func (a *App) origin() string {
	c := a.setup.Config.HTTP
	if c.URL == "" || c.URL == "off" {
		return ""
	}
	return c.PageURL("", "")
}

// pageURL returns where people find the page, without a slash at the end; "" when nowhere.
func (a *App) pageURL(machine string) string {
	for _, l := range a.listeners {
		if l.Addr().Network() == "tcp" {
			return a.setup.Config.HTTP.PageURL(l.Addr().String(), machine)
		}
	}
	return ""
}
