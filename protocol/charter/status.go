package charter

// Status is a member's standing. Append only.
type Status string

const (
	StatusInvited   Status = "founder_invited" // named in the founding act, no node seen yet; counts like a member
	StatusMember    Status = "member"
	StatusSuspended Status = "suspended"
	StatusRemoved   Status = "removed"
)
