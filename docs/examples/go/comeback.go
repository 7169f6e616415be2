package main

import (
	"errors"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// comeBack takes the answer of the account: code into tokens, tokens into claims.
func comeBack(r *http.Request, issuer string, provider *oidc.Provider, config oauth2.Config,
	verifier *oidc.IDTokenVerifier) (map[string]any, error) {
	kept := func(name string) string {
		cookie, err := r.Cookie(name)
		if err != nil {
			return ""
		}
		return cookie.Value
	}
	query := r.URL.Query()
	if kept("state") == "" || query.Get("state") != kept("state") || query.Get("iss") != issuer {
		return nil, errors.New("state or iss does not match")
	}
	if code := query.Get("error"); code != "" {
		return nil, errors.New(code) // the code that docs/integrate.md explains
	}
	tokens, err := config.Exchange(r.Context(), query.Get("code"), oauth2.VerifierOption(kept("pkce")))
	if err != nil {
		return nil, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	idToken, err := verifier.Verify(r.Context(), raw)
	if err != nil {
		return nil, err
	}
	if idToken.Nonce != kept("nonce") {
		return nil, errors.New("nonce does not match")
	}
	userInfo, err := provider.UserInfo(r.Context(), oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, err
	}
	if userInfo.Subject != idToken.Subject {
		return nil, errors.New("userinfo is about somebody else")
	}
	var claims, person map[string]any
	if err := errors.Join(idToken.Claims(&claims), userInfo.Claims(&person)); err != nil {
		return nil, err
	}
	return map[string]any{"claims": claims, "person": person}, nil
}
