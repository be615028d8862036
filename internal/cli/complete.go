package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/event"
)

// completeFor is how long a completion may take: a person waits for it.
const completeFor = 2 * time.Second

// completeKinds lists the kinds of events.
func completeKinds(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list []cobra.Completion
	for _, k := range event.Kinds() {
		list = append(list, k.String())
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeFields lists the fields of events with what they mean, also behind the comma of a list.
func completeFields(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	return fieldsAfter(before, typed[len(before):], ""), cobra.ShellCompDirectiveNoFileComp
}

// completeMetrics lists metrics, and the fields inside of their brackets.
func completeMetrics(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if name, field, ok := strings.Cut(typed, "("); ok {
		return fieldsAfter(name+"(", field, ")"), cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{"count", "sum(", "min(", "max(", "avg(", "distinct(", "quantile("},
		cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeFilter lists fields for the last word of a filter.
func completeFilter(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	before := typed[:strings.LastIndexAny(typed, " (!")+1]
	return fieldsAfter(before, typed[len(before):], ""), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func fieldsAfter(before, typed, behind string) []cobra.Completion {
	var list []cobra.Completion
	for _, f := range event.Fields() {
		if strings.HasPrefix(f.Name, typed) {
			list = append(list, cobra.CompletionWithDesc(before+f.Name+behind, f.Doc))
		}
	}
	return list
}

// completeRules lists the names of rules.
func (s *shell) completeRules(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return s.names(cmd, args, func(ctx context.Context, svc api.Service) (list []cobra.Completion, err error) {
		rules, err := svc.Rules(ctx, api.RuleRequest{})
		for i := range rules {
			list = append(list, cobra.CompletionWithDesc(clean(rules[i].Name), clean(rules[i].Detect)))
		}
		return list, err
	})
}

// completeUsers lists the names of accounts.
func (s *shell) completeUsers(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return s.names(cmd, args, func(ctx context.Context, svc api.Service) (list []cobra.Completion, err error) {
		users, err := svc.Users(ctx)
		for _, u := range users {
			list = append(list, clean(u.Name))
		}
		return list, err
	})
}

// names asks the service for names. A completion that cannot be had is none.
func (s *shell) names(cmd *cobra.Command, _ []string, list func(context.Context, api.Service) ([]cobra.Completion, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx := cmd.Context()
	if ctx == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, stop := context.WithTimeout(ctx, completeFor)
	defer stop()
	if err := s.prepare(cmd, nil); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	svc, done, err := s.open(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := list(api.As(ctx, api.Local()), svc)
	if closeErr := done(); err != nil || closeErr != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
