package dffmpeg

import "time"

// Coordinator is one of the coordinators that share a database, each of which
// serves any request. (Extension to 0.4.)
type Coordinator struct {
	ID        string    `json:"coordinator_id" doc:"ULID, another one after each start"`
	Host      string    `json:"host,omitempty" doc:"Name of its machine, and its port"`
	Version   string    `json:"version"`
	URL       string    `json:"url,omitempty" doc:"Where it says that others reach it; absent when it does not"`
	StartedAt time.Time `json:"started_at"`
	LastSeen  time.Time `json:"last_seen"`
}

// Public returns what everybody may know of a coordinator: not where it is.
func (c Coordinator) Public() Coordinator {
	c.Host, c.URL = "", ""
	return c
}

// WakeRequest is what coordinators tell each other: who has got mail.
type WakeRequest struct {
	From string   `json:"from" doc:"ID of the coordinator that says so"`
	To   []WakeUp `json:"to"`
}

// WakeUp is somebody who has got mail.
type WakeUp struct {
	Kind  RecipientKind `json:"kind"`
	ID    string        `json:"id"`
	JobID string        `json:"job_id,omitempty"`
	// NotBefore is when it may be delivered, 0 for at once.
	NotBefore int64 `json:"not_before,omitempty" doc:"Microseconds since 1970; absent for at once"`
}
