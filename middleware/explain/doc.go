// Package explain says why a request was refused: what each [middleware.Reason] means to whoever runs the API, what usually causes it,
// and what mends it. It is for operators. None of it is meant for the client that was refused, who gets the fixed texts of RFC 6750.
//
// The same table, as a page: README.md beside this file.
//
// A [Report] says the same of one request or token, step by step, by [middleware.Guard.Explain]: what was expected, what came, and the
// smallest change that would let it in. In a handler for operators, behind a Guard of its own:
//
//	report := explain.Token(r.Context(), orders, token)
//	err := report.WriteHTML(w)
package explain
