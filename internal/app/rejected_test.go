package app

import (
	"errors"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Rejected lines may be anybody's: whoever is no administrator is told nothing of them.
func TestRejectedLinesAreForAdministrators(t *testing.T) {
	svc := running(t, false).Service()
	ann := api.As(t.Context(), api.Identity{User: "ann"})
	if _, err := svc.Quarantine(ann, api.QuarantineRequest{}); !errors.Is(err, fault.Denied) {
		t.Errorf("Quarantine = %v", err)
	}
	if _, err := svc.QuarantineEntries(ann, api.QuarantineRequest{}); !errors.Is(err, fault.Denied) {
		t.Errorf("QuarantineEntries = %v", err)
	}
	if _, err := svc.RetryQuarantine(ann, api.QuarantineRetry{}); !errors.Is(err, fault.Denied) {
		t.Errorf("RetryQuarantine = %v", err)
	}
	if _, err := svc.DropQuarantine(ann, api.QuarantineRequest{}); !errors.Is(err, fault.Denied) {
		t.Errorf("DropQuarantine = %v", err)
	}
}
