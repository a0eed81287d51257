package doctor

import (
	"cmp"
	"go/format"
	"strings"
	"text/template"
)

// program is what the report's Go lines are made of: an Issuer that fits what was found. Secrets are read from the environment.
var program = template.Must(template.New("Go").Parse(`
{{- if .Chosen}}asks, err := introspection.New(introspection.Config{
	URL:        {{printf "%q" .Asks}},
	ClientAuth: introspection.{{.Auth}}({{printf "%q" .ClientID}}, os.Getenv("INTROSPECTION_SECRET")),
{{- if .Plain}}
	DangerouslyAllowHTTP: {{printf "%#v" .Plain}},
{{- end}}
{{- if .CA}}
	HTTPClient: client, // trusts the CA of -ca-file
{{- end}}
})
if err != nil {
	return err
}
defer asks.Close()

{{end}}auth, err := middleware.New(middleware.Config{
	Issuers: []middleware.Issuer{{"{{"}}
		URL: {{printf "%q" .Issuer}},
{{- if .JWKSURI}}
		JWKSURI: {{printf "%q" .JWKSURI}},
{{- end}}
{{- if .Pinned}}
		Algorithms: []string{ {{- printf "%q" .Pinned -}} }, // of the access tokens; the keys name none
{{- end}}
{{- if .Chosen}}
		Introspector: asks,
{{- end}}
	{{"}}"}},
	Audiences: []string{"https://api.example.com"}, // what this issuer writes into aud for your API
{{- if .Plain}}
	DangerouslyAllowHTTP: {{printf "%#v" .Plain}},
{{- end}}
{{- if .CA}}
	HTTPClient: client, // trusts the CA of -ca-file
{{- end}}
})
if err != nil {
	return err
}
defer auth.Close()
`))

// code is the Go lines, formatted. Empty if no key was found: nothing fits then.
func (e *examination) code() string {
	usable := false
	for _, key := range e.report.Keys {
		usable = usable || key.Skipped == ""
	}
	if !usable {
		return ""
	}
	facts := struct {
		Options
		Asks, Chosen, Auth, Pinned string
	}{e.Options, e.asks, e.chosen, "SecretBasic", cmp.Or(e.pinned)}
	if e.chosen == post {
		facts.Auth = "SecretPost"
	}
	var text strings.Builder
	if err := program.Execute(&text, facts); err != nil {
		return ""
	}
	formatted, err := format.Source([]byte(text.String()))
	if err != nil {
		return text.String()
	}
	return string(formatted)
}
