#!/usr/bin/env bash
# The authorization code flow by hand, to see what a library does. Needs curl, jq and openssl.
#
#   docs/examples/curl/steps.sh            follow the steps against the demonstration
set -euo pipefail

issuer=${ISSUER:-http://localhost:8080}
client=hundesteuer
secret=${CLIENT_SECRET:-nur-zum-ausprobieren}
redirect_uri=http://localhost:3000/rueckkehr

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
random() { openssl rand 32 | base64url; }
# The middle part of a signed token is JSON in base64url. This reads it; it does NOT check the signature.
payload() { jq -R 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson'; }

echo "1. Metadata: where everything is"
metadata=$(curl -sS --fail "$issuer/.well-known/openid-configuration")
endpoint() { jq -r ".$1" <<<"$metadata"; }
endpoint token_endpoint

echo "2. The request: state, nonce and code_verifier are new each time"
state=$(random) nonce=$(random) verifier=$(random)
challenge=$(printf '%s' "$verifier" | openssl dgst -sha256 -binary | base64url)
encode() { jq -rn --arg text "$1" '$text | @uri'; }
echo "   Open this in a browser, sign in and agree:"
echo "   $(endpoint authorization_endpoint)?response_type=code&client_id=$client&redirect_uri=$(encode "$redirect_uri")&scope=openid%20profile%20email&state=$state&nonce=$nonce&code_challenge=$challenge&code_challenge_method=S256"

echo "3. The answer: the browser ends at an address where nobody listens. Paste that address here:"
read -r answer
part() { sed -n "s/.*[?&]$1=\([^&]*\).*/\1/p" <<<"$answer"; }
[[ $(part state) == "$state" ]] || { echo "state does not match" >&2; exit 1; }
[[ -z $(part error) ]] || { echo "the account answers: $(part error)" >&2; exit 1; }

echo "4. The code becomes tokens: once, within 50 seconds, and only with the secret and the code_verifier"
tokens=$(curl -sS --fail-with-body --user "$client:$secret" "$(endpoint token_endpoint)" \
    --data-urlencode grant_type=authorization_code --data-urlencode "code=$(part code)" \
    --data-urlencode "redirect_uri=$redirect_uri" --data-urlencode "code_verifier=$verifier")
jq 'del(.access_token, .id_token)' <<<"$tokens"

echo "5. The ID token says who signed in. A library also checks its signature, iss, aud, exp and nonce:"
jq -r .id_token <<<"$tokens" | payload

echo "6. Userinfo: the data that the person has agreed to"
curl -sS --fail-with-body --header "Authorization: Bearer $(jq -r .access_token <<<"$tokens")" \
    "$(endpoint userinfo_endpoint)" | jq
