package dffmpeg

import "time"

// DashboardAnswer is what the status page shows.
type DashboardAnswer struct {
	Workers    []DashboardWorker `json:"workers"`
	WorkerLoad map[string]int    `json:"worker_load"` // jobs in a worker's hands
	Jobs       []DashboardJob    `json:"jobs"`
}

// DashboardWorker is a worker's line on the dashboard.
type DashboardWorker struct {
	WorkerID string       `json:"worker_id"`
	Status   WorkerStatus `json:"status"`
	LastSeen *OffsetTime  `json:"last_seen"`
	Binaries []string     `json:"binaries"`
	Paths    []string     `json:"paths"`
	// Kept is what keeps it from jobs while it is online: paused, set aside, or on trial.
	// (Extension to 0.4.)
	Kept string `json:"kept,omitempty"`
}

// DashboardJob is a job's line on the dashboard. It has no arguments: the page
// needs no signature.
type DashboardJob struct {
	JobID       string     `json:"job_id"`
	RequesterID string     `json:"requester_id"`
	BinaryName  string     `json:"binary_name"`
	Status      JobStatus  `json:"status"`
	ExitCode    *int       `json:"exit_code"`
	WorkerID    *string    `json:"worker_id"`
	CreatedAt   OffsetTime `json:"created_at"`
	LastUpdate  OffsetTime `json:"last_update"`
	Reason      string     `json:"reason,omitempty"`
	// Position is that of a pending job in the queue. (Extension to 0.4.)
	Position int `json:"position,omitempty"`
	// Warnings is how many there are; their text has names of files, which are not
	// for everybody either. (Extension to 0.4.)
	Warnings int `json:"warnings,omitempty"`
}

// OffsetTime is a time whose JSON form has the offset "+00:00" instead of "Z",
// as the dashboard's data has in 0.4.
type OffsetTime struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t OffsetTime) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.999999-07:00"`)), nil
}

// NewDashboardAnswer makes the dashboard's data of records.
func NewDashboardAnswer(workers []Worker, loads map[string]int, jobs []Job) DashboardAnswer {
	answer := DashboardAnswer{
		Workers:    make([]DashboardWorker, 0, len(workers)),
		WorkerLoad: loads,
		Jobs:       make([]DashboardJob, 0, len(jobs)),
	}
	for _, w := range workers {
		line := DashboardWorker{WorkerID: w.ID, Status: w.Status, Binaries: listOf(w.Binaries), Paths: listOf(w.Paths), Kept: w.Kept()}
		if w.LastSeen != nil {
			line.LastSeen = &OffsetTime{*w.LastSeen}
		}
		answer.Workers = append(answer.Workers, line)
	}
	for _, j := range jobs {
		answer.Jobs = append(answer.Jobs, DashboardJob{
			JobID: j.ID, RequesterID: j.RequesterID, BinaryName: j.BinaryName, Status: j.Status,
			ExitCode: j.ExitCode, WorkerID: j.WorkerID, Reason: j.Reason, Position: j.Position, Warnings: len(j.Warnings),
			CreatedAt: OffsetTime{j.CreatedAt}, LastUpdate: OffsetTime{j.LastUpdate},
		})
	}
	return answer
}
