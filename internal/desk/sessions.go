package desk

// Sessions are the logins that a running tocsin knows.
type Sessions interface {
	// Sessions counts those of an account that have not ended.
	Sessions(user string) int
	// EndSessions ends them, and returns how many there were.
	EndSessions(user string) int
}

// noSessions are those of a tocsin that lets nobody in.
type noSessions struct{}

func (noSessions) Sessions(string) int    { return 0 }
func (noSessions) EndSessions(string) int { return 0 }

func (p *Parts) sessions() Sessions {
	if p.Sessions != nil {
		if s := p.Sessions(); s != nil {
			return s
		}
	}
	return noSessions{}
}
