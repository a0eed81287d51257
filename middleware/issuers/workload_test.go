package issuers_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

func TestGitHubActions(t *testing.T) {
	sheet{
		issuer: issuers.GitHubActions(api, "74", "75"), header: header{"typ": "JWT", "x5t": "rsa"},
		good: claims{
			"iss": "https://token.actions.githubusercontent.com", "aud": api, "sub": "repo:octo-org/octo-repo:environment:production", "environment": "production",
			"repository": "octo-org/octo-repo", "repository_id": "74", "repository_owner_id": "65", "ref": "refs/heads/main", "run_id": "1", "jti": "j", "event_name": "push",
		},
		subject: "repo:octo-org/octo-repo:environment:production", roles: []string{"production"},
		rows: map[string]row{
			"another repository":              {claims: claims{"repository_id": "66"}, want: middleware.ReasonNotAccepted},
			"another one that took the name":  {claims: claims{"repository_id": "9074"}, want: middleware.ReasonNotAccepted},
			"no repository":                   {claims: claims{"repository_id": nil}, want: middleware.ReasonNotAccepted},
			"the default audience":            {claims: claims{"aud": "https://github.com/octo-org"}, want: middleware.ReasonAudience},
			"the sub of repositories to come": {claims: claims{"sub": "repo:octo-org@65/octo-repo@75:ref:refs/heads/main", "repository_id": "75", "environment": nil}},
			"an enterprise":                   {claims: claims{"iss": "https://token.actions.githubusercontent.com/evil"}, want: middleware.ReasonUnknownIssuer},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{
		"repositoryIDs is empty":     issuers.GitHubActions(api),
		"audience has an empty":      issuers.GitHubActions("", "74"),
		`"octo-org/octo-repo": it m`: issuers.GitHubActions(api, "octo-org/octo-repo"),
	})
}

func TestGitLabCI(t *testing.T) {
	sheet{
		issuer: issuers.GitLabCI("gitlab.com", api, "20"),
		good: claims{
			"aud": api, "sub": "project_path:my-group/my-project:ref_type:branch:ref:main", "project_id": "20", "namespace_id": "72", "job_id": "302", "pipeline_id": "574",
			"ref": "main", "ref_protected": "true", "environment": "production", "user_login": "alice", "jti": "j",
		},
		subject: "project_path:my-group/my-project:ref_type:branch:ref:main", roles: []string{"production"},
		rows: map[string]row{
			"another project":          {claims: claims{"project_id": "21"}, want: middleware.ReasonNotAccepted},
			"a user who signs in":      {claims: claims{"aud": "gitlab-app", "project_id": nil, "job_id": nil, "sub": "1"}, want: middleware.ReasonAudience},
			"a user with a project":    {claims: claims{"job_id": nil}, want: middleware.ReasonNotAccepted},
			"another GitLab":           {claims: claims{"iss": "https://gitlab.evil.example"}, want: middleware.ReasonUnknownIssuer},
			"an audience of the cloud": {claims: claims{"aud": "https://sts.example"}, want: middleware.ReasonAudience},
			"the id as a number":       {claims: claims{"project_id": 20}},
		},
	}.run(t)
	wrong(
		t,
		map[string]middleware.Issuer{
			"projectIDs is empty":            issuers.GitLabCI("gitlab.com", api),
			"host is \"https://gitlab.com\"": issuers.GitLabCI("https://gitlab.com", api, "1"),
		},
	)
}
