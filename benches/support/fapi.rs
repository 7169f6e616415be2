//! The flow of a service with much to protect: deposit, authorize, token, userinfo, with a signed assertion and a proof of
//! possession wherever they belong (FAPI 2.0 Security Profile).

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nutzerkonto::kernel::secret::sha256;
use tokio::runtime::Runtime;

use super::bare;
use super::http::{Answer, Connection, Outcome, Visitor, drive, get, post};
use super::series::{Contender, compare};
use super::server::{Bare, FAPI_ID, Instance};
use super::service::Signer;
use super::visitors::{SCOPE, authorize_query, code_form, consent_at, pages, sessions};
use super::{ACCOUNTS, Options, SESSIONS, commits, length};

/// A key that tokens are bound to, and the last nonce that the server gave.
struct Holder {
    pair: EcdsaKeyPair,
    header: String,
    issuer: String,
    nonce: String,
    number: u64,
}

impl Holder {
    fn new(issuer: &str) -> Outcome<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| "no key")?;
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let key = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
        let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\",\"jwk\":{key}}}"));
        Ok(Self { pair, header, issuer: issuer.to_owned(), nonce: String::new(), number: 0 })
    }

    /// The header line of a proof for this request.
    fn proof(&mut self, method: &str, path: &str, token: Option<&str>) -> Outcome<String> {
        self.number += 1;
        let hash = token.map(|token| URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())));
        let ath = hash.map_or_else(String::new, |hash| format!(",\"ath\":\"{hash}\""));
        let Self { issuer, nonce, number, .. } = self;
        let claims = format!(
            "{{\"jti\":\"{number}\",\"htm\":\"{method}\",\"htu\":\"{issuer}{path}\",\"iat\":1,\"nonce\":\"{nonce}\"{ath}}}"
        );
        let message = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).map_err(|_| "no signature")?;
        Ok(format!("dpop: {message}.{}\r\n", URL_SAFE_NO_PAD.encode(signature)))
    }
}

enum Step {
    Push,
    Authorize,
    Token,
    Userinfo,
}

/// One flow after another, with existing sessions and consents.
struct BoundFlow {
    host: String,
    signer: Arc<Signer>,
    holder: Holder,
    sessions: Arc<Vec<String>>,
    at: usize,
    step: Step,
}

impl BoundFlow {
    fn push(&mut self) -> Outcome<Vec<u8>> {
        self.step = Step::Authorize;
        let proof = self.holder.proof("POST", "/oauth2/par", None)?;
        let form = format!("{}{}", authorize_query(FAPI_ID, SCOPE), self.signer.proof(FAPI_ID)?);
        Ok(post(&self.host, "/oauth2/par", &proof, &form))
    }
}

impl Visitor for BoundFlow {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        let Some(answer) = answer else { return Ok((false, self.push()?)) };
        let nonce = answer.header("dpop-nonce");
        if !nonce.is_empty() {
            nonce.clone_into(&mut self.holder.nonce);
        }
        if answer.status == 400 && answer.body.contains("use_dpop_nonce") {
            return Ok((false, self.push()?));
        }
        match self.step {
            Step::Authorize => {
                answer.expect(201)?;
                let uri = answer.between("\"request_uri\":\"", "\"");
                let uri: String = url::form_urlencoded::byte_serialize(uri.as_bytes()).collect();
                self.at = (self.at + 1) % self.sessions.len();
                self.step = Step::Token;
                let path = format!("/oauth2/authorize?client_id={FAPI_ID}&request_uri={uri}");
                Ok((false, get(&self.host, &path, &self.sessions[self.at])))
            }
            Step::Token => {
                answer.expect(303)?;
                let code = answer.redirect_parameter("code").ok_or("no code")?;
                self.step = Step::Userinfo;
                let proof = self.holder.proof("POST", "/oauth2/token", None)?;
                let form = format!("{}{}", code_form(code), self.signer.proof(FAPI_ID)?);
                Ok((false, post(&self.host, "/oauth2/token", &proof, &form)))
            }
            Step::Userinfo => {
                answer.expect(200)?;
                let token = answer.between("\"access_token\":\"", "\"");
                self.step = Step::Push;
                let proof = self.holder.proof("GET", "/oauth2/userinfo", Some(token))?;
                let headers = format!("authorization: DPoP {token}\r\n{proof}");
                Ok((false, get(&self.host, "/oauth2/userinfo", &headers)))
            }
            Step::Push => {
                answer.expect(200)?;
                Ok((true, self.push()?))
            }
        }
    }
}

/// H: the flow, against what it is made of: five verifications of others' signatures and one of ours, two signatures, three
/// commits, four bare requests. That the proof at userinfo shares a commit is our business.
pub fn bound_flow(options: &Options, instance: &Instance, runtime: &Runtime) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let sessions = Arc::new(sessions(instance, ACCOUNTS, SESSIONS)?);
    let mut first = Connection::open(instance.address)?;
    for session in sessions.iter() {
        let form = format!("{}{}", authorize_query(FAPI_ID, SCOPE), instance.signer.proof(FAPI_ID)?);
        let answer = first.ask(&post(&instance.host, "/oauth2/par", "", &form))?;
        answer.expect(201)?;
        let uri = answer.between("\"request_uri\":\"", "\"");
        let uri: String = url::form_urlencoded::byte_serialize(uri.as_bytes()).collect();
        consent_at(instance, session, &format!("/oauth2/authorize?client_id={FAPI_ID}&request_uri={uri}"))?;
    }
    let issuer = format!("http://{}", instance.host);
    let flow = |number: usize| -> Outcome<Box<dyn Visitor>> {
        Ok(Box::new(BoundFlow {
            host: instance.host.clone(),
            signer: Arc::clone(&instance.signer),
            holder: Holder::new(&issuer)?,
            sessions: Arc::clone(&sessions),
            at: number * sessions.len() / options.connections,
            step: Step::Push,
        }))
    };
    let mut flows = (0..options.connections).map(flow).collect::<Outcome<Vec<_>>>()?;
    let form = post(&instance.host, "/oauth2/token", "", "client_id=x");
    let bare = Bare::start(length(instance, &get(&instance.host, "/oauth2/jwks", ""))?)?;
    let mut strangers = pages(options.connections, vec![form]);
    let duration = options.duration();
    let contenders = vec![
        Contender::served("bare requests", &bare.process, || drive(bare.address, &mut strangers, duration)),
        Contender::own("ES256 verifications alone, 2 threads", || bare::es256_verify(duration)),
        Contender::own("ES256 signatures alone, 2 threads", || bare::es256(duration)),
        Contender::own("durable commits alone", || commits(options, instance, runtime)),
        Contender::served("deposit, authorize, token, userinfo", &server, || {
            drive(instance.address, &mut flows, duration)
        }),
    ];
    let measured = compare("H. A FAPI 2.0 code flow: PAR, DPoP, private_key_jwt", options.pace(), contenders)?;
    let [bare, verification, signature, commit, flow] = measured.as_slice() else { return Ok(()) };
    // The generator signs two assertions and three proofs on the same processors.
    let parts = [(verification, 6.0), (signature, 2.0 + 5.0), (commit, 3.0), (bare, 4.0)];
    println!("\n| H | verifications, signatures (five the generator's), commits, requests | of their bound |");
    println!("| --- | --: | --: |");
    println!("| the flow | 6, 7, 3, 4 | {:.1} % |", 100.0 * flow.share_of(&parts));
    Ok(())
}
