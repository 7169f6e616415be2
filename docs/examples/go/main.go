// Signs somebody in with go-oidc. Run: go run . and open http://localhost:3000/
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	issuer := environment("ISSUER", "http://localhost:8080")
	provider, err := oidc.NewProvider(context.Background(), issuer)
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID:     "hundesteuer",
		ClientSecret: environment("CLIENT_SECRET", "nur-zum-ausprobieren"),
		Endpoint:     provider.Endpoint(),
		RedirectURL:  "http://localhost:3000/rueckkehr",
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
	}
	verifier := provider.Verifier(&oidc.Config{
		ClientID:             config.ClientID,
		SupportedSigningAlgs: []string{oidc.ES256},
	})

	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		// What must fit when the browser comes back.
		state, nonce, pkce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
		for name, value := range map[string]string{"state": state, "nonce": nonce, "pkce": pkce} {
			http.SetCookie(w, &http.Cookie{Name: name, Value: value, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 3600})
		}
		http.Redirect(w, r, config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(pkce)), http.StatusSeeOther)
	})
	http.HandleFunc("GET /rueckkehr", func(w http.ResponseWriter, r *http.Request) {
		answer, err := comeBack(r, issuer, provider, config, verifier)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:3000", nil))
}
