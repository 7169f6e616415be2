//! The crate `openidconnect`, as a service written in Rust uses it, against a running server.

use std::future::Future;
use std::pin::Pin;

use ::openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreGrantType, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreSubjectIdentifierType,
    CoreTokenResponse, CoreUserInfoClaims,
};
use ::openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IntrospectionUrl, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RequestTokenError,
    RevocationUrl, Scope, TokenIntrospectionResponse as _, TokenResponse as _,
};
use serde::{Deserialize, Serialize};

use crate::both;
use crate::support::service::vorgang;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

/// Endpoints that OpenID Connect Discovery does not know and RFC 8414 section 2 does.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Endpoints {
    revocation_endpoint: RevocationUrl,
    introspection_endpoint: IntrospectionUrl,
}

impl AdditionalProviderMetadata for Endpoints {}

type Metadata = ProviderMetadata<
    Endpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointMaybeSet, EndpointMaybeSet>;

struct Party {
    client: Client,
    http: reqwest::Client,
    /// The crate looks at the clock of the machine; the time of a story is another.
    seconds: i64,
}

/// What is kept between leaving for the provider and coming back.
struct Flow {
    url: String,
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

async fn fetch(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    // The crate revokes at https only. On loopback that is where the same server answers without.
    let uri = parts.uri.to_string().replace("https://localhost", "http://localhost");
    let sent = http.request(parts.method, uri).headers(parts.headers).body(body).send().await?;
    let (status, headers) = (sent.status(), sent.headers().clone());
    let mut response = HttpResponse::new(sent.bytes().await?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

impl Party {
    async fn discover(world: &World, service: &Service) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let issuer = IssuerUrl::new(world.config.issuer.clone()).unwrap();
        let metadata =
            Metadata::discover_async(issuer, &|request| fetch(http.clone(), request)).await.expect("discovery");
        let endpoints = metadata.additional_metadata().clone();
        let revocation = endpoints.revocation_endpoint.as_str().replace("http://", "https://");
        let (id, secret) = (ClientId::new(service.id.clone()), ClientSecret::new(service.secret.clone()));
        let client = CoreClient::from_provider_metadata(metadata, id, Some(secret))
            .set_redirect_uri(RedirectUrl::new(service.redirect_uri.clone()).unwrap())
            .set_introspection_url(endpoints.introspection_endpoint)
            .set_revocation_url(RevocationUrl::new(revocation).unwrap());
        Self { client, http, seconds: world.app.now().seconds() }
    }

    /// For the requests of the crate.
    fn sender(&self) -> impl Fn(HttpRequest) -> Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>>>> {
        let http = self.http.clone();
        move |request| Box::pin(fetch(http.clone(), request))
    }

    fn begin(&self, scopes: &[&str]) -> Flow {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self
            .client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        Flow { url: url.into(), state, nonce, verifier }
    }

    async fn redeem(&self, code: &str, verifier: &str) -> Result<CoreTokenResponse, String> {
        let request = self.client.exchange_code(AuthorizationCode::new(code.to_owned())).unwrap();
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()));
        request.request_async(&self.sender()).await.map_err(refusal)
    }

    async fn refresh(&self, tokens: &CoreTokenResponse) -> Result<CoreTokenResponse, String> {
        let request = self.client.exchange_refresh_token(tokens.refresh_token().expect("a refresh token")).unwrap();
        request.request_async(&self.sender()).await.map_err(refusal)
    }

    async fn userinfo(&self, token: &AccessToken, claims: &CoreIdTokenClaims) -> Result<CoreUserInfoClaims, String> {
        let request = self.client.user_info(token.clone(), Some(claims.subject().clone())).unwrap();
        request.request_async(&self.sender()).await.map_err(|error| format!("{error:?}"))
    }

    async fn is_active(&self, token: &AccessToken) -> bool {
        self.client.introspect(token).request_async(&self.sender()).await.unwrap().active()
    }

    async fn revoke(&self, token: CoreRevocableToken) {
        self.client.revoke_token(token).unwrap().request_async(&self.sender()).await.unwrap();
    }

    fn id_token_verifier(&self) -> CoreIdTokenVerifier<'_> {
        let seconds = self.seconds;
        // Its own type of a time is one that nothing else here needs.
        let text = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let text = text.format(&time::format_description::well_known::Rfc3339).unwrap();
        self.client.id_token_verifier().set_time_fn(move || serde_json::from_value(text.clone().into()).unwrap())
    }
}

/// The code of the error that the provider answered.
fn refusal<E, T>(error: RequestTokenError<E, T>) -> String
where
    E: std::error::Error + 'static,
    T: ::openidconnect::ErrorResponse + std::fmt::Display + 'static,
{
    match error {
        RequestTokenError::ServerResponse(answer) => answer.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Renate goes there, agrees to what is asked, and comes back with a code.
async fn visit(browser: &mut Browser, flow: &Flow) -> String {
    let mut answer = browser.visit(&flow.url).await;
    if answer.status == 200 {
        let path = format!("/einwilligung?vorgang={}", vorgang(&answer));
        answer = browser.post(&path, &[("antwort", "ja")]).await;
        answer = browser.follow(answer).await;
    }
    assert_eq!(answer.parameter("state").as_ref(), Some(flow.state.secret()));
    answer.parameter("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
}

async fn town(world: &World) -> (Party, Browser) {
    let parken = Service::new("parken");
    world.clients(&parken.offline_declaration("")).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    (Party::discover(world, &parken).await, renate)
}

both!(a_service_in_rust_goes_the_whole_way, async |world| {
    let (party, mut renate) = town(&world).await;
    let flow = party.begin(&["profile", "email", "offline_access"]);
    let code = visit(&mut renate, &flow).await;
    let tokens = party.redeem(&code, flow.verifier.secret()).await.unwrap();

    let (verifier, id_token) = (party.id_token_verifier(), tokens.id_token().expect("an ID token"));
    let claims = id_token.claims(&verifier, &flow.nonce).unwrap();
    assert!(id_token.claims(&verifier, &Nonce::new("anderswo".to_owned())).is_err(), "another request's");
    let (algorithm, key) = (id_token.signing_alg().unwrap(), id_token.signing_key(&verifier).unwrap());
    let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
    assert_eq!(claims.access_token_hash(), Some(&hash));

    let person = party.userinfo(tokens.access_token(), claims).await.unwrap();
    let name = person.name().and_then(|name| name.get(None)).map(|name| name.as_str());
    assert_eq!((name, person.email().map(|email| email.as_str())), (Some("Renate Muster"), Some(EMAIL)));
    assert!(party.is_active(tokens.access_token()).await);

    let again = party.refresh(&tokens).await.unwrap();
    assert_ne!(again.access_token().secret(), tokens.access_token().secret());
    assert!(party.userinfo(again.access_token(), claims).await.is_ok());
    party.revoke(tokens.refresh_token().unwrap().clone().into()).await;
    assert!(party.refresh(&tokens).await.unwrap_err().starts_with("invalid_grant"));
    for token in [tokens.access_token(), again.access_token()] {
        assert!(party.userinfo(token, claims).await.is_err() && !party.is_active(token).await);
    }
});

both!(a_service_in_rust_is_refused, async |world| {
    let (party, mut renate) = town(&world).await;
    let flow = party.begin(&["email"]);
    let code = visit(&mut renate, &flow).await;
    let (_, other) = PkceCodeChallenge::new_random_sha256();
    assert!(party.redeem(&code, other.secret()).await.unwrap_err().starts_with("invalid_grant"), "another verifier");
    assert!(party.redeem(&code, flow.verifier.secret()).await.unwrap_err().starts_with("invalid_grant"), "burnt");

    let flow = party.begin(&["email"]);
    let code = visit(&mut renate, &flow).await;
    let tokens = party.redeem(&code, flow.verifier.secret()).await.unwrap();
    let verifier = party.id_token_verifier();
    let claims = tokens.id_token().unwrap().claims(&verifier, &flow.nonce).unwrap();
    assert!(party.userinfo(tokens.access_token(), claims).await.is_ok());
    assert!(party.redeem(&code, flow.verifier.secret()).await.unwrap_err().starts_with("invalid_grant"), "twice");
    let refused = party.userinfo(tokens.access_token(), claims).await.unwrap_err();
    assert!(refused.contains("401"), "what it gave has ended: {refused}");
});
