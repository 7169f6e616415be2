//! Signs somebody in with openidconnect. Run: cargo run, then open http://localhost:3000/

use std::collections::HashMap;
use std::error::Error;

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
    reqwest,
};
use tiny_http::{Header, Request, Response, Server};

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;
type Failure = Box<dyn Error>;

/// What must fit when the browser comes back, by `state`. A service keeps it in its session.
type Leaving = HashMap<String, (Nonce, PkceCodeVerifier)>;

fn environment(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

fn main() -> Result<(), Failure> {
    let issuer = environment("ISSUER", "http://localhost:8080");
    let secret = environment("CLIENT_SECRET", "nur-zum-ausprobieren");
    let http = reqwest::blocking::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(issuer.clone())?, &http)?;
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new("hundesteuer".to_owned()),
        Some(ClientSecret::new(secret)),
    )
    .set_redirect_uri(RedirectUrl::new("http://localhost:3000/rueckkehr".to_owned())?);
    let mut leaving = Leaving::new();
    let server = Server::http("127.0.0.1:3000").map_err(|error| error.to_string())?;
    for request in server.incoming_requests() {
        match request.url().split('?').next() {
            Some("/") => leave(&client, &mut leaving, request)?,
            Some("/rueckkehr") => {
                let text = come_back(&client, &http, &issuer, &mut leaving, &request);
                let text = text.unwrap_or_else(|error| error.to_string());
                request.respond(Response::from_string(text))?;
            }
            _ => request.respond(Response::empty(404))?,
        }
    }
    Ok(())
}

fn leave(client: &Client, leaving: &mut Leaving, request: Request) -> Result<(), Failure> {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (location, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let header = |name: &str, value: &str| Header::from_bytes(name, value).map_err(|()| "not a header");
    let cookie = format!("state={}; HttpOnly; SameSite=Lax", state.secret());
    leaving.insert(state.into_secret(), (nonce, verifier));
    let answer = Response::empty(303).with_header(header("Location", location.as_str())?);
    Ok(request.respond(answer.with_header(header("Set-Cookie", &cookie)?))?)
}

fn come_back(
    client: &Client,
    http: &reqwest::blocking::Client,
    issuer: &str,
    leaving: &mut Leaving,
    request: &Request,
) -> Result<String, Failure> {
    let url = url::Url::parse("http://localhost:3000")?.join(request.url())?;
    let answer: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let get = |name: &str| answer.get(name).map(String::as_str).unwrap_or_default();
    let cookie = request.headers().iter().find(|header| header.field.equiv("Cookie"));
    let is_ours = cookie.is_some_and(|header| header.value.as_str().contains(&format!("state={}", get("state"))));
    let (nonce, verifier) = leaving.remove(get("state")).filter(|_| is_ours).ok_or("state does not match")?;
    if get("iss") != issuer {
        return Err("iss does not match".into());
    }
    if !get("error").is_empty() {
        return Err(get("error").into()); // the code that docs/integrate.md explains
    }
    let code = AuthorizationCode::new(get("code").to_owned());
    let tokens = client.exchange_code(code)?.set_pkce_verifier(verifier).request(http)?;
    let id_token = tokens.id_token().ok_or("no ID token")?;
    let claims = id_token.claims(&client.id_token_verifier(), &nonce)?;
    let subject = claims.subject().clone();
    let person: CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), Some(subject))?.request(http)?;
    Ok(serde_json::to_string_pretty(&serde_json::json!({ "claims": claims, "person": person }))?)
}
