package client

import (
	"encoding/json"
	"strings"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// A change policy makes requests of what people change: somebody has to approve
// them. The answer is a success without the secret. Servers say in it which request
// it is, under a key of which only "approval" can be relied on: the routes of
// approvals are being replaced.

// approvalIn returns what the answer says of a request for an approval, nil: nothing.
func approvalIn(answer *transport.Response, op string) *secret.ApprovalError {
	var body map[string]json.RawMessage
	if _, err := answer.Handle(transport.Whole(&body)); err != nil {
		return nil
	}
	defer func() {
		for _, text := range body {
			clear(text) // there may be a value in it
		}
	}()
	done := len(body["secret"])+len(body["secrets"]) > 0
	for key, text := range body {
		if !strings.Contains(strings.ToLower(key), "approval") || string(text) == "null" || done && key != "approval" {
			continue
		}
		var request struct {
			ID        string `json:"id"`
			RequestID string `json:"requestId"`
			Slug      string `json:"slug"`
		}
		_ = json.Unmarshal(text, &request) // of another shape it is an approval all the same
		if request.ID == "" {
			request.ID = request.RequestID
		}
		return &secret.ApprovalError{Op: op, Request: answer.Identifier(request.ID), Slug: answer.Identifier(request.Slug)}
	}
	return nil
}

// notStored is a success without the secret that says nothing of an approval. If
// the server turns out not to have the change, it waits: asked once more the server
// would make another request of it.
type notStored struct {
	error
	waits *secret.ApprovalError
}

func (e *notStored) Unwrap() error { return e.error }
