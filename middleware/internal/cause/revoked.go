package cause

// Revoked is that a token was revoked. kind is what Revocations call that by which they found it.
func Revoked(check error, kind string) error {
	return New(check, func() Sides {
		by := revokedBy[kind]
		if by == "" {
			by = "by its " + Text(kind)
		}
		return Sides{
			Expected: "a token that Config.Revocations have not revoked",
			Got:      "one revoked " + by,
			Hint:     "the client needs a new token; what revoked it is in the log of whoever did, and List.Lift undoes a mistake",
		}
	})
}

// revokedBy are the kinds of package revocation. Those of others, such as status_suspended, speak for themselves.
var revokedBy = map[string]string{
	"token":   "by itself (jti)",
	"session": "with its session (sid)",
	"subject": "with all that its user (sub) had been given until then",
	"client":  "with all that its client had been given until then",
	"issuer":  "with all that its issuer had given until then",
}
