package issuers

import "github.com/cardea-auth/cardea/middleware"

// GitHubActions is the tokens of workflows on github.com. audience is what the workflow asks for, as core.getIDToken("https://api.example.com") does;
// repositoryIDs are those whose workflows may call, by number (GET /repos/<owner>/<name> has it as id): names can be taken over, numbers cannot.
//
// It relies on aud and repository_id. The role is environment, so that AnyRole("production") holds a route to a protected environment. Refused are all
// other repositories, which anybody can have. Every workflow of a repository counts, also those of branches: add a ClaimRule on ref or
// job_workflow_ref to have less. GitHub Enterprise has another iss.
func GitHubActions(audience string, repositoryIDs ...string) middleware.Issuer {
	a := argumentsOf("GitHubActions")
	a.list("audience", []string{audience}, "what workflows ask tokens for")
	a.list("repositoryIDs", repositoryIDs, "the repositories whose workflows may call")
	a.numbers("repositoryIDs", repositoryIDs)
	return a.issue(middleware.Issuer{
		URL:        "https://token.actions.githubusercontent.com",
		Audiences:  []string{audience},
		Algorithms: []string{"RS256"},
		ClaimRules: []middleware.ClaimRule{oneOf("repository_id", repositoryIDs...)},
		Claims:     middleware.ClaimMapping{Roles: []string{"environment"}},
	})
}

// GitLabCI is the tokens of CI jobs (id_tokens) of gitlab.com or a GitLab of your own, by its host. audience is the aud of the job's id_tokens,
// projectIDs are those whose jobs may call, by number.
//
// It relies on aud, project_id and job_id. The role is environment. Refused are all other projects, and the ID tokens of users who sign in with that
// GitLab, which have the same iss and no job. Every job of a project counts, also those of branches that are not protected: add
// a ClaimRule that wants ref_protected to be "true".
func GitLabCI(host, audience string, projectIDs ...string) middleware.Issuer {
	a := argumentsOf("GitLabCI")
	a.domain("host", host, "gitlab.com")
	a.list("audience", []string{audience}, "the aud of the job's id_tokens")
	a.list("projectIDs", projectIDs, "the projects whose jobs may call")
	a.numbers("projectIDs", projectIDs)
	return a.issue(middleware.Issuer{
		URL:        "https://" + host,
		Audiences:  []string{audience},
		Algorithms: []string{"RS256"},
		ClaimRules: []middleware.ClaimRule{oneOf("project_id", projectIDs...), present("job_id")},
		Claims:     middleware.ClaimMapping{Roles: []string{"environment"}},
	})
}
