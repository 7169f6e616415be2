//! The permit register: another program of the city, an API without pages. It knows no passwords and no sessions; it
//! believes access tokens that are meant for it, and checks them by itself (RFC 9068 section 4).

use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use serde::Deserialize;
use serde_json::json;

use super::signed::Signer;

/// Whose tokens it takes: this register and that service have agreed on it.
const CALLERS: [&str; 1] = [super::CLIENT_ID];

struct Register {
    signer: Signer,
    /// What it is called in `aud`: the resource of the authorization request.
    resource: String,
}

/// RFC 9068 section 2.2. Issuer, audience and end are checked where the signature is.
#[derive(Clone, Deserialize)]
struct AccessToken {
    sub: String,
    client_id: String,
    scope: String,
}

/// Why a request is refused (RFC 6750 section 3.1).
enum Refusal {
    NoToken,
    InvalidToken(String),
    InsufficientScope(&'static str),
}

pub fn start(
    issuer: &str,
    address: &str,
    http: reqwest::Client,
    listener: TcpListener,
) -> Result<ServerHandle, String> {
    let register = web::Data::new(Register { signer: Signer::new(issuer, http), resource: format!("{address}/") });
    let server =
        HttpServer::new(move || ActixApp::new().app_data(register.clone()).route("/ausweise", web::get().to(permits)))
            .workers(1)
            .disable_signals()
            .listen(listener)
            .map_err(|error| error.to_string())?
            .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn permits(register: web::Data<Register>, request: HttpRequest) -> HttpResponse {
    match register.admit(&request).await {
        Ok(token) => HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
            "sub": token.sub,
            "ausweise": [{ "kennzeichen": "MH-NK 2026", "zone": "Altstadt", "gueltig_bis": "2027-06-30" }],
        })),
        Err(refusal) => refusal.answer(),
    }
}

impl Register {
    async fn admit(&self, request: &HttpRequest) -> Result<AccessToken, Refusal> {
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer =
            header.and_then(|value| value.split_once(' ')).filter(|(name, _)| name.eq_ignore_ascii_case("bearer"));
        let (_, token) = bearer.ok_or(Refusal::NoToken)?;
        let token: AccessToken =
            self.signer.read(token, "at+jwt", &self.resource).await.map_err(Refusal::InvalidToken)?;
        if !CALLERS.contains(&token.client_id.as_str()) {
            return Err(Refusal::InsufficientScope("this service may not read permits"));
        }
        // Without `openid` there is no person behind it: a token in a client's own name.
        if !token.scope.split(' ').any(|scope| scope == "openid") {
            return Err(Refusal::InsufficientScope("the token speaks for nobody"));
        }
        Ok(token)
    }
}

impl Refusal {
    fn answer(&self) -> HttpResponse {
        let (mut response, challenge) = match self {
            Self::NoToken => (HttpResponse::Unauthorized(), "Bearer".to_owned()),
            Self::InvalidToken(why) => {
                (HttpResponse::Unauthorized(), format!("Bearer error=\"invalid_token\", error_description=\"{why}\""))
            }
            Self::InsufficientScope(why) => {
                (HttpResponse::Forbidden(), format!("Bearer error=\"insufficient_scope\", error_description=\"{why}\""))
            }
        };
        response.insert_header((header::WWW_AUTHENTICATE, challenge)).finish()
    }
}
