package statuslist

// What a Verdict of Lists says: by what a token was refused (middleware.Decision.RevokedBy).
const (
	Invalid    = "status_invalid"     // its status is 1: it was revoked
	Suspended  = "status_suspended"   // its status is 2: it is not valid for the time being
	Other      = "status_other"       // its status is one that means nothing here
	OutOfRange = "status_out_of_list" // its place is beyond the end of the list
	Unreadable = "status_unreadable"  // its status claim leads to no list
	Foreign    = "status_foreign"     // its list is at an address from which lists of its issuer do not come
	Missing    = "status_missing"     // it has no status claim, and Issuer.Required wants one
)

// kind is the meaning of the status at index; empty: the token is good.
func (r *rules) kind(s *statuses, index int) string {
	status, ok := s.at(index)
	switch {
	case !ok:
		return OutOfRange
	case status == 0:
		return ""
	case status == 1:
		return Invalid
	case status == 2:
		return Suspended
	case r.accepted>>status&1 == 1:
		return ""
	default:
		return Other
	}
}
