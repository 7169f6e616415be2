//! A document out of the visitor's safe: asked for in an authorization request (RFC 9396) that goes ahead of the browser (RFC 9126), and
//! fetched with a token that is bound to a key of the service's. What comes is compared with what was told, because its owner can
//! end the share at any time, also while it is on its way.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest::{Context, SHA256};
use openidconnect::core::CoreIdToken;
use openidconnect::{CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::sign_in::Answer;
use super::visit::{Notice, Visit};
use super::words::Words;
use super::{Failure, Service, key, redirect};
use crate::demo::{CLIENT_ID, client_secret};
use crate::kernel::secret::hex;

/// Where on the page all of this stands.
const PLACE: &str = "/#dokument-titel";
/// Longer than this no file is on its way.
const FETCH_MAX: Duration = Duration::from_secs(20);
/// So long a file takes that is fetched slowly, to see what happens meanwhile.
const SLOWLY: Duration = Duration::from_secs(16);

const GONE: Words = Words(
    "Die Freigabe gibt es nicht mehr: Sie ist beendet oder abgelaufen. Der Dienst bekommt das Dokument nicht mehr.",
    "The share is gone: it was ended, or its time is over. The service does not get the document any more.",
);
const BROKEN_OFF: Words = Words(
    "Der Abruf ist mittendrin abgebrochen, weil die Freigabe beendet wurde. Der Dienst wirft weg, was bis dahin kam.",
    "The fetch broke off in the middle because the share was ended. The service throws away what had come until then.",
);
const INCOMPLETE: Words = Words(
    "Der Abruf ist mittendrin abgebrochen. Die Freigabe gibt es noch: Versuchen Sie es noch einmal.",
    "The fetch broke off in the middle. The share is still there: try it again.",
);
const COMPLETE: Words = Words(
    "Das Dokument ist abgerufen. Länge und Prüfsumme passen zu dem, was das Konto gesagt hat.",
    "The document is fetched. Length and checksum fit what the account has told.",
);
const DIFFERENT: Words = Words(
    "Was kam, passt nicht zur Prüfsumme. Der Dienst nimmt es nicht.",
    "What came does not fit the checksum. The service does not take it.",
);
const TOKEN_OVER: Words = Words(
    "Das Token gilt nicht mehr. Fordern Sie das Dokument noch einmal an.",
    "The token does not count any more. Ask for the document again.",
);

/// What the visitor types: which document, what for, and for how many days; without days, once.
#[derive(Deserialize)]
pub struct Wish {
    art: String,
    zweck: String,
    tage: String,
}

/// What a visit knows of documents.
#[derive(Default)]
pub struct Documents {
    leaving: Option<Leaving>,
    pub shared: Option<Shared>,
    /// What has become of the last fetch.
    pub outcome: Option<Notice>,
}

/// On the way to the account.
struct Leaving {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// A document that may be fetched.
#[derive(Clone)]
pub struct Shared {
    token: String,
    pub facts: Facts,
}

/// What the account tells of a share.
#[derive(Clone, Deserialize)]
pub struct Facts {
    pub share: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub bytes: u64,
    pub sha256: String,
    pub purpose: String,
    pub until: String,
    judged: Option<Judged>,
}

#[derive(Clone, Deserialize)]
struct Judged {
    state: String,
}

impl Facts {
    /// What the account has found of electronic seals, if it has looked.
    pub fn seal(&self) -> Option<Words> {
        self.judged.as_ref().map(|judged| Words::of_seal(&judged.state))
    }
}

#[derive(Deserialize)]
struct Pushed {
    request_uri: String,
}

/// Of the answer to a code what is needed here (RFC 9396 section 7).
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: CoreIdToken,
    authorization_details: Vec<Granted>,
}

#[derive(Deserialize)]
struct Granted {
    share: String,
}

/// Off to the account, with a request that is there already.
pub async fn ask(service: web::Data<Service>, request: HttpRequest, wish: web::Form<Wish>) -> HttpResponse {
    let pushed = service.push(&wish).await;
    let keep = |visit: &mut Visit| {
        (visit.notice, visit.documents.outcome) = (None, None);
        match pushed {
            Ok((leaving, location)) => {
                visit.documents.leaving = Some(leaving);
                location
            }
            Err(failure) => {
                visit.notice = Some(failure.into());
                "/".to_owned()
            }
        }
    };
    let location = key(&request).and_then(|key| service.visits.with(&key, keep));
    redirect(location.as_deref().unwrap_or("/"), None)
}

pub async fn come_back(service: web::Data<Service>, request: HttpRequest, answer: web::Query<Answer>) -> HttpResponse {
    let Some(key) = key(&request) else { return redirect("/", None) };
    let known = service.visits.with(&key, |visit| {
        (visit.documents.leaving.take(), visit.arrived.as_ref().map(|arrived| arrived.sub.clone()))
    });
    let Some((leaving, sub)) = known else { return redirect("/", None) };
    let shared = service.receive(leaving, answer.into_inner(), sub.as_deref()).await;
    let place = service.visits.with(&key, |visit| {
        match shared {
            Ok(shared) => visit.documents.shared = Some(shared),
            Err(failure) => visit.notice = Some(failure.into()),
        }
        visit.place(PLACE)
    });
    redirect(place.unwrap_or("/"), None)
}

pub async fn fetch(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    fetch_in(&service, &request, Duration::ZERO).await
}

/// Piece by piece with pauses, so that there is time to end the share.
pub async fn fetch_slowly(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    fetch_in(&service, &request, SLOWLY).await
}

/// The visit stays where it is meanwhile: its owner can go on in another window.
async fn fetch_in(service: &Service, request: &HttpRequest, pace: Duration) -> HttpResponse {
    let Some(key) = key(request) else { return redirect("/", None) };
    let shared = service.visits.with(&key, |visit| visit.documents.shared.clone()).flatten();
    let Some(shared) = shared else { return redirect("/", None) };
    let outcome = service.fetch_document(&shared, pace).await.unwrap_or_else(Into::into);
    service.visits.with(&key, |visit| (visit.notice, visit.documents.outcome) = (None, Some(outcome)));
    redirect(PLACE, None)
}

/// What was wished for, in the words of the protocol.
fn details(wish: &Wish) -> Value {
    let mut asked = json!({ "type": "document", "kinds": [wish.art], "purpose": wish.zweck });
    if let Ok(days) = wish.tage.parse::<u16>() {
        asked["days"] = json!(days);
    }
    json!([asked])
}

/// The answer of an endpoint of the protocol, or its error.
async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Failure> {
    let is_right = answer.status().is_success();
    let body: Value = answer.json().await.map_err(|error| error.to_string())?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    if !is_right {
        return Err(Failure::Answered { code: text("error"), description: text("error_description") });
    }
    serde_json::from_value(body).map_err(|error| error.to_string().into())
}

impl Service {
    fn return_address(&self) -> String {
        format!("{}/dokument/rueckkehr", self.at.service)
    }

    /// Leaves the request with the account (RFC 9126); where the browser goes with its number. The code that comes back is bound to the
    /// key already.
    async fn push(&self, wish: &Wish) -> Result<(Leaving, String), Failure> {
        let metadata = self.more_metadata().await.map_err(|error| error.to_string())?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (state, nonce) = (CsrfToken::new_random(), Nonce::new_random());
        let form = [
            ("response_type", "code"),
            ("scope", "openid"),
            ("redirect_uri", &self.return_address()),
            ("state", state.secret()),
            ("nonce", nonce.secret()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("authorization_details", &details(wish).to_string()),
        ];
        let request = self.http.post(metadata.pushed_authorization_request_endpoint);
        let request = request.basic_auth(CLIENT_ID, Some(client_secret())).form(&form);
        let Pushed { request_uri } = read(self.proof_key.send(request, None, self.signer.now()).await?).await?;
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", CLIENT_ID)
            .append_pair("request_uri", &request_uri)
            .finish();
        Ok((Leaving { state, nonce, verifier }, format!("{}?{query}", metadata.authorization_endpoint)))
    }

    /// The code into a token, and what it opens. Whoever has shared must be whoever is signed in here.
    async fn receive(&self, leaving: Option<Leaving>, answer: Answer, sub: Option<&str>) -> Result<Shared, Failure> {
        let leaving =
            leaving.ok_or_else(|| "Niemand hat ein Dokument angefordert / no document was asked for".to_owned())?;
        let code = answer.code(&leaving.state, &self.at.issuer)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &self.return_address()),
            ("code_verifier", leaving.verifier.secret()),
        ];
        let endpoint = self.more_metadata().await.map_err(|error| error.to_string())?.token_endpoint;
        let request = self.http.post(endpoint).basic_auth(CLIENT_ID, Some(client_secret())).form(&form);
        let tokens: Tokens = read(self.proof_key.send(request, None, self.signer.now()).await?).await?;
        let client = self.client().await?;
        let claims = tokens.id_token.claims(&client.id_token_verifier(), &leaving.nonce);
        let claims = claims.map_err(|error| format!("ID token: {error}"))?;
        if sub != Some(claims.subject().as_str()) {
            return Err("Jemand anderes hat freigegeben / somebody else has shared".to_owned().into());
        }
        let granted = tokens.authorization_details.into_iter().next();
        let share = granted.ok_or_else(|| "no share".to_owned())?.share;
        let facts = read(self.at_the_safe(&tokens.access_token, &share).await?).await?;
        Ok(Shared { token: tokens.access_token, facts })
    }

    async fn at_the_safe(&self, token: &str, path: &str) -> Result<Response, String> {
        let address = format!("{}/api/safe/v1/documents/{path}", self.at.issuer);
        self.proof_key.send(self.http.get(address).timeout(FETCH_MAX), Some(token), self.signer.now()).await
    }

    /// What becomes of a fetch.
    async fn fetch_document(&self, Shared { token, facts }: &Shared, pace: Duration) -> Result<Notice, Failure> {
        let answer = self.at_the_safe(token, &format!("{}/file", facts.share)).await?;
        let status = answer.status();
        let refused = |words| Notice { is_bad: true, words, detail: Some(format!("HTTP {status}")) };
        match status {
            StatusCode::OK => {}
            StatusCode::GONE => return Ok(refused(GONE)),
            StatusCode::UNAUTHORIZED => return Ok(refused(TOKEN_OVER)),
            _ => return Err(format!("HTTP {status}").into()),
        }
        let (got, digest) = self.read_pieces(answer, facts.bytes, pace).await;
        let detail = Some(format!("{got} / {} Bytes, SHA-256 {}", facts.bytes, digest.as_deref().unwrap_or("–")));
        let words = match digest {
            Some(digest) if got == facts.bytes && digest == facts.sha256 => COMPLETE,
            Some(_) => DIFFERENT,
            None if self.at_the_safe(token, &facts.share).await?.status() == StatusCode::GONE => BROKEN_OFF,
            None => INCOMPLETE,
        };
        Ok(Notice { is_bad: words.0 != COMPLETE.0, words, detail })
    }

    /// How many bytes came, and their checksum unless it broke off. The file itself is not kept: there is nothing to do with it here.
    async fn read_pieces(&self, mut answer: Response, bytes: u64, pace: Duration) -> (u64, Option<String>) {
        let (begun, mut got, mut digest) = (self.signer.now(), 0, Context::new(&SHA256));
        loop {
            match answer.chunk().await {
                Ok(Some(piece)) => {
                    got += piece.len() as u64;
                    digest.update(&piece);
                }
                Ok(None) => return (got, Some(hex(digest.finish().as_ref()))),
                Err(_) => return (got, None),
            }
            if got < bytes {
                let due = pace.mul_f64(got as f64 / bytes as f64);
                tokio::time::sleep(due.saturating_sub(begun.until(self.signer.now()))).await;
            }
        }
    }
}
