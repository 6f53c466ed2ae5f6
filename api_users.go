package dffmpeg

// AddUserRequest asks for an identity. (Extension to 0.4.)
type AddUserRequest struct {
	ClientID     string   `json:"client_id" minLength:"1" maxLength:"128"`
	Role         Role     `json:"role" enum:"client,worker,admin"`
	AllowedCIDRs []string `json:"allowed_cidrs,omitempty" doc:"Addresses it may call from; everywhere when absent"`
}

// UserKeyAnswer is an identity with its key: the answer to adding one, to a new
// key, and to the explicit question.
type UserKeyAnswer struct {
	Identity
	HMACKey string `json:"hmac_key" doc:"44 characters of base64; keep it secret"`
}

// ScopeRequest sets where an identity may call from.
type ScopeRequest struct {
	AllowedCIDRs []string `json:"allowed_cidrs" minItems:"1"`
}

// PrioritiesRequest sets which priorities an identity's jobs have and may have.
type PrioritiesRequest struct {
	Priorities
}

// RoleRequest sets an identity's role.
type RoleRequest struct {
	Role Role `json:"role" enum:"client,worker,admin"`
}
