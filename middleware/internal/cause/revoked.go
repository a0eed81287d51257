package cause

// Revoked is that a token was revoked. kind is what Revocations call that by which they found it.
func Revoked(check error, kind string) error {
	return New(check, func() Sides {
		if status, ok := statuses[kind]; ok {
			return Sides{Expected: "a token that its status list calls valid", Got: status.got, Hint: status.hint}
		}
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

// revokedBy are the kinds of package revocation. Those of others speak for themselves.
var revokedBy = map[string]string{
	"token":   "by itself (jti)",
	"session": "with its session (sid)",
	"subject": "with all that its user (sub) had been given until then",
	"client":  "with all that its client had been given until then",
	"issuer":  "with all that its issuer had given until then",
}

// statuses are the kinds of package statuslist.
var statuses = map[string]struct{ got, hint string }{
	"status_invalid":     {"one whose status is 1, invalid", "its issuer has revoked it: the client needs a new token"},
	"status_suspended":   {"one whose status is 2, suspended", "its issuer may lift that; until then no request with it is let in"},
	"status_other":       {"one whose status means nothing here", "if some of the issuer's other statuses are good, name them in statuslist.Issuer.Accept"},
	"status_out_of_list": {"one whose place is beyond the end of its list", "the issuer has to publish a list that has all its tokens"},
	"status_unreadable":  {"one whose claim status leads to no list", "the server has to write status.status_list with idx and uri"},
	"status_foreign":     {"one whose list is not at an address of its issuer", "if its issuer's lists are there, add that origin to statuslist.Issuer.Origins"},
	"status_missing":     {"one without the claim status", "the server has to write it, or statuslist.Issuer.Required is not to be set"},
}
