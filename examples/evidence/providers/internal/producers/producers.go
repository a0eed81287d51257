// Package producers lets the libraries that most in-house tokens are made with make some, and has them judged as a user would: by a key
// file in the form that the library writes, or by the shared secret.
package producers

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

//go:embed python node java
var files embed.FS

//go:embed java/jars.sha256
var jars string

// The versions of the libraries.
const (
	PythonVersions = "PyJWT 2.15.1"
	NodeVersions   = "npm jose 6.2.17, jsonwebtoken 9.0.3"
	JavaVersions   = "nimbus-jose-jwt 10.5, java-jwt 4.5.0, jjwt 0.12.6"
)

const issuer = "https://login.example.com"

// Python asks with tokens of PyJWT.
func Python(ctx context.Context, answers *sheet.Sheet) error {
	home, err := folder(ctx, "python", tools.Pip)
	if err != nil {
		return err
	}
	return ask(ctx, answers, tools.Program{Name: tools.Python(home), Args: []string{filepath.Join(home, "produce.py")}})
}

// Node asks with tokens of npm's jose and jsonwebtoken.
func Node(ctx context.Context, answers *sheet.Sheet) error {
	home, err := folder(ctx, "node", tools.NPM)
	if err != nil {
		return err
	}
	return ask(ctx, answers, tools.Program{Name: "node", Args: []string{"produce.mjs"}, Dir: home})
}

// Java asks with tokens of nimbus-jose-jwt, java-jwt and jjwt.
func Java(ctx context.Context, answers *sheet.Sheet) error {
	home, err := folder(ctx, "java", func(ctx context.Context, dir string) error {
		if err := tools.MavenJars(ctx, dir, jars); err != nil {
			return err
		}
		return tools.Javac(ctx, dir, "Producers.java")
	})
	if err != nil {
		return err
	}
	return ask(ctx, answers, tools.Program{Name: "java", Args: []string{"-cp", tools.ClassPath("jars/*", "classes"), "Producers"}, Dir: home})
}

func folder(ctx context.Context, language string, build func(context.Context, string) error) (string, error) {
	sources, err := fs.Sub(files, language)
	if err != nil {
		return "", err
	}
	return tools.Folder(ctx, "producers-"+language, sources, "", build)
}

// product is what one library makes with one key: the key in the form that the library has for it, and tokens by name.
type product struct {
	Library, Algorithm string

	JWK         json.RawMessage
	PEM, Secret string

	Tokens struct{ Good, Expired, Other, ID string }
}

// ask runs the program that makes tokens, and fills the sheet.
func ask(ctx context.Context, answers *sheet.Sheet, program tools.Program) error {
	program.Args, program.Talks = append(program.Args, issuer, sheet.Audience), true
	process, err := tools.Start(ctx, program)
	if err != nil {
		return err
	}
	defer process.Close()
	var products []product
	if err := process.Read(&products); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cardea-producers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for i, made := range products {
		if err := made.ask(answers, filepath.Join(dir, fmt.Sprint(i))); err != nil {
			return fmt.Errorf("%s %s: %w", made.Library, made.Algorithm, err)
		}
	}
	answers.NotOffered("a library, no server", sheet.Opaque, sheet.Introspected, sheet.Revoked, sheet.RefreshToken,
		sheet.Rotation, sheet.DPoP, sheet.DPoPIntrospected, sheet.Down)
	return nil
}

func (p product) ask(answers *sheet.Sheet, path string) error {
	trusted, err := p.trust(path)
	if err != nil {
		return err
	}
	defer trusted.Close()
	if p.Secret != "" {
		inCode := middleware.Config{Issuers: []middleware.Issuer{issuers.HS256(issuer, []byte(p.Secret))}, Audiences: []string{sheet.Audience}}
		if err := sheet.With(inCode, func(api *sheet.API) error {
			answers.Want(sheet.JWT, p.Library+" HS256, the secret in code", "200", api.Get("/any", p.Tokens.Good))
			answers.Want(sheet.Expired, p.Library+" HS256, the secret in code", "401 expired", api.Get("/any", p.Tokens.Expired))
			return nil
		}); err != nil {
			return err
		}
	}
	cfg := middleware.Config{Issuers: []middleware.Issuer{trusted.Issuer}, Audiences: []string{sheet.Audience}}
	return sheet.With(cfg, func(api *sheet.API) error {
		row := p.Library + " " + p.Algorithm
		answers.Want(sheet.JWT, row, "200", api.Get("/any", p.Tokens.Good))
		answers.Want(sheet.Scopes, row+": read, which it has", "200", api.Get("/read", p.Tokens.Good))
		answers.Want(sheet.Scopes, row+": write, which it has not", "403 scope", api.Post("/write", p.Tokens.Good))
		answers.Want(sheet.Expired, row, "401 expired", api.Get("/any", p.Tokens.Expired))
		answers.Want(sheet.OtherAudience, row, "401 audience", api.Get("/any", p.Tokens.Other))
		answers.Want(sheet.IDToken, row+": marked by its nonce", "401 token_type", api.Get("/any", p.Tokens.ID))
		answers.Want(sheet.Forged, row+": one character of the signature changed", "401 signature", api.Get("/any", sheet.Changed(p.Tokens.Good)))
		return nil
	})
}

// trust makes the Issuer of a file with what verifies the tokens.
func (p product) trust(path string) (*issuers.Running, error) {
	text, open := []byte(p.PEM), issuers.KeyFile
	switch {
	case p.JWK != nil:
		text = p.JWK
	case p.Secret != "":
		text, open = []byte(p.Secret+"\n"), issuers.SecretFile
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	return open(issuers.FileConfig{Issuer: issuer, Path: path})
}
