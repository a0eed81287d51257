package explain

import (
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware"
)

// hopeless are reasons for which no token should be let in, whatever else is wrong with it: it is forged, used up or of another kind.
var hopeless = []middleware.Reason{
	middleware.ReasonNoToken, middleware.ReasonMalformedRequest, middleware.ReasonMalformed, middleware.ReasonHeader, middleware.ReasonTokenType,
	middleware.ReasonSignature, middleware.ReasonInactive, middleware.ReasonRevoked, middleware.ReasonProofReplay, middleware.ReasonCrossOrigin,
	middleware.ReasonNotAccepted, middleware.ReasonRule,
}

// advice are the smallest changes that would let a token in.
func advice(e *middleware.Explanation) []string {
	if e.Reason == "" || slices.Contains(hopeless, e.Reason) {
		return nil
	}
	var changes []string
	for _, step := range e.Steps {
		if step.Result != middleware.StepFailed {
			continue
		}
		if change := changeFor(step); change != "" && !slices.Contains(changes, change) {
			changes = append(changes, change)
		}
	}
	return changes
}

// changeFor is what would let a step pass; empty where none is known, or none should be made.
func changeFor(step middleware.Step) string {
	switch step.Name {
	case middleware.StepIssuer:
		if value, ok := strings.CutPrefix(step.Got, "iss "); ok {
			return join("set Issuer.URL to "+value+", or add that to Issuer.Aliases, if this is the server that you trust", step.Hint)
		}
	case middleware.StepAlgorithm:
		if value, ok := strings.CutPrefix(step.Got, "alg "); ok && !strings.EqualFold(strings.Trim(value, "'"), "none") {
			return join("let the server sign with what is accepted, or add "+value+" to Issuer.Algorithms", step.Hint)
		}
		return ""
	case middleware.StepAudience:
		if value, ok := strings.CutPrefix(step.Got, "aud "); ok {
			return join(
				"let the server write "+strings.TrimPrefix(step.Expected, "aud ")+" into aud, or add the token's to Config.Audiences if one of "+value+" is this API",
				step.Hint,
			)
		}
	case middleware.StepTime:
		if strings.Contains(step.Hint, "the clock here is") {
			return step.Hint
		}
		return "" // this token is over; a fresh one needs no change
	case middleware.StepScope, middleware.StepRole:
		return grant(step)
	}
	return step.Hint
}

// grant is what would let a step of scopes or roles pass. What stands in a claim that nobody maps has been granted: it is to be read.
func grant(step middleware.Step) string {
	change := "let the server grant " + step.Expected + " to this client or user"
	switch {
	case !strings.HasPrefix(step.Hint, "set Issuer.Claims."):
		return join(change, step.Hint)
	case strings.Contains(step.Hint, ", which has it and is not read"):
		return step.Hint
	default:
		return step.Hint + ", and " + change
	}
}

// join puts the hint behind a change, unless it says the same.
func join(change, hint string) string {
	if hint == "" || strings.HasPrefix(hint, "the client has to ask for ") || strings.HasPrefix(hint, "the server has to grant ") {
		return change
	}
	return change + " (" + hint + ")"
}
