//! What people and services do: open a page, sign in, run a code flow.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nutzerkonto::demo::people::PASSWORD;
use nutzerkonto::kernel::secret::sha256;

use super::http::{Answer, Connection, Outcome, Visitor, get, post};
use super::server::{CLIENT_ID, Instance, REDIRECT_URI, SIGNER_ID, basic};
use super::service::Signer;

/// What a service asks for.
pub const SCOPE: &str = "openid profile email";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Sends the same few requests in turn and expects 200.
pub struct Pages {
    pub requests: Arc<Vec<Vec<u8>>>,
    pub at: usize,
}

impl Visitor for Pages {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        answer.map_or(Ok(()), |answer| answer.expect(200))?;
        self.at = (self.at + 1) % self.requests.len();
        Ok((answer.is_some(), self.requests[self.at].clone()))
    }
}

/// Many visitors of the same pages, each beginning at another one.
pub fn pages(count: usize, requests: Vec<Vec<u8>>) -> Vec<Box<dyn Visitor>> {
    let requests = Arc::new(requests);
    let step = requests.len().div_ceil(count).max(1);
    let visitor = |number| Box::new(Pages { requests: Arc::clone(&requests), at: number * step % requests.len() });
    (0..count).map(|number| visitor(number) as Box<dyn Visitor>).collect()
}

/// Opens the sign-in page and signs in, over and over, each time as somebody else. The first time the account does not
/// know the device, and a mail goes out; from then on it does.
pub struct SignIn {
    host: String,
    accounts: u64,
    devices: HashMap<u64, String>,
    /// Walks through all accounts in an order that jumps: no page of the database is warm by neighbourhood.
    number: u64,
    sent_form: bool,
}

impl SignIn {
    pub fn new(instance: &Instance, accounts: u64, start: u64) -> Self {
        Self { host: instance.host.clone(), accounts, devices: HashMap::new(), number: start, sent_form: false }
    }

    pub fn form(&self, page: &Answer<'_>) -> Outcome<Vec<u8>> {
        page.expect(200)?;
        let cookie = page.cookie("nk_t").ok_or("no browser cookie")?;
        let csrf = page.between("name=\"csrf\" value=\"", "\"");
        let account = self.number % self.accounts;
        let device = self.devices.get(&account).map_or_else(String::new, |cookie| format!("; {cookie}"));
        let email = format!("konto-{account}%40example.org");
        let form = format!("csrf={csrf}&email={email}&password={PASSWORD}");
        Ok(post(&self.host, "/anmelden", &format!("cookie: {cookie}{device}\r\n"), &form))
    }
}

impl Visitor for SignIn {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        let page = get(&self.host, "/anmelden", "");
        let Some(answer) = answer else {
            self.sent_form = false;
            return Ok((false, page));
        };
        if !self.sent_form {
            self.sent_form = true;
            return Ok((false, self.form(answer)?));
        }
        answer.expect(303)?;
        answer.cookie("nk_s").ok_or("no session")?;
        if let Some(device) = answer.cookie("nk_g") {
            self.devices.insert(self.number % self.accounts, device.to_owned());
        }
        self.number = self.number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 1;
        self.sent_form = false;
        Ok((true, page))
    }
}

pub fn sign_ins(instance: &Instance, accounts: u64, count: u64) -> Vec<Box<dyn Visitor>> {
    let step = (accounts / count).max(1);
    (0..count).map(|number| Box::new(SignIn::new(instance, accounts, number * step)) as Box<dyn Visitor>).collect()
}

/// The cookie headers of `count` sessions, of accounts spread over all of them.
pub fn sessions(instance: &Instance, accounts: u64, count: u64) -> Outcome<Vec<String>> {
    let mut connection = Connection::open(instance.address)?;
    let number = |number: u64| number * (accounts / count).max(1) % accounts;
    (0..count).map(number).map(|number| session(instance, &mut connection, number)).collect()
}

/// The cookie header of a new session of this account.
pub fn session(instance: &Instance, connection: &mut Connection, number: u64) -> Outcome<String> {
    let browser = SignIn::new(instance, number + 1, number);
    let page = connection.ask(&get(&instance.host, "/anmelden", ""))?;
    let cookie = page.cookie("nk_t").ok_or("no browser cookie")?.to_owned();
    let form = browser.form(&page)?;
    let answer = connection.ask(&form)?;
    answer.expect(303)?;
    Ok(format!("cookie: {cookie}; {}\r\n", answer.cookie("nk_s").ok_or("no session")?))
}

/// A client and how it proves itself.
#[derive(Clone)]
pub struct Service {
    pub id: &'static str,
    /// None for the client with the secret.
    signer: Option<Arc<Signer>>,
}

impl Service {
    pub fn with_secret() -> Self {
        Self { id: CLIENT_ID, signer: None }
    }

    pub fn signing(instance: &Instance) -> Self {
        Self { id: SIGNER_ID, signer: Some(Arc::clone(&instance.signer)) }
    }

    /// A form of this client.
    pub fn post(&self, host: &str, path: &str, form: &str) -> Outcome<Vec<u8>> {
        Ok(match &self.signer {
            None => post(host, path, &basic(), form),
            Some(signer) => post(host, path, "", &format!("{form}{}", signer.next_proof()?)),
        })
    }
}

/// One code flow after another with existing sessions: authorize, token and, if wished, userinfo.
pub struct Flow {
    host: String,
    service: Service,
    sessions: Arc<Vec<String>>,
    at: usize,
    asks_userinfo: bool,
    step: FlowStep,
}

enum FlowStep {
    Authorize,
    Token,
    Userinfo,
}

pub fn authorize_path(client: &str, scope: &str) -> String {
    format!("/oauth2/authorize?{}", authorize_query(client, scope))
}

/// The parameters of a request.
pub fn authorize_query(client: &str, scope: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes()));
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client)
        .append_pair("redirect_uri", REDIRECT_URI)
        .append_pair("response_type", "code")
        .append_pair("scope", scope)
        .append_pair("state", "zustand-1")
        .append_pair("nonce", "nonce-1")
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .finish()
}

/// What redeems a code.
pub fn code_form(code: &str) -> String {
    let uri = url::form_urlencoded::byte_serialize(REDIRECT_URI.as_bytes()).collect::<String>();
    format!("grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}")
}

impl Flow {
    fn authorize(&mut self) -> Vec<u8> {
        self.step = FlowStep::Token;
        self.at = (self.at + 1) % self.sessions.len();
        get(&self.host, &authorize_path(self.service.id, SCOPE), &self.sessions[self.at])
    }
}

impl Visitor for Flow {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        let Some(answer) = answer else { return Ok((false, self.authorize())) };
        match self.step {
            FlowStep::Token => {
                answer.expect(303)?;
                let code = answer.redirect_parameter("code").ok_or("no code")?;
                self.step = if self.asks_userinfo { FlowStep::Userinfo } else { FlowStep::Authorize };
                Ok((false, self.service.post(&self.host, "/oauth2/token", &code_form(code))?))
            }
            FlowStep::Userinfo => {
                answer.expect(200)?;
                let token = answer.between("\"access_token\":\"", "\"");
                self.step = FlowStep::Authorize;
                Ok((false, get(&self.host, "/oauth2/userinfo", &format!("authorization: Bearer {token}\r\n"))))
            }
            FlowStep::Authorize => {
                answer.expect(200)?;
                Ok((true, self.authorize()))
            }
        }
    }
}

/// `count` visitors who do so at this service.
pub fn flows(
    instance: &Instance,
    sessions: &Arc<Vec<String>>,
    (service, count): (&Service, usize),
    asks_userinfo: bool,
) -> Vec<Box<dyn Visitor>> {
    let flow = |number: usize| Flow {
        host: instance.host.clone(),
        service: service.clone(),
        sessions: Arc::clone(sessions),
        at: number * sessions.len() / count,
        asks_userinfo,
        step: FlowStep::Authorize,
    };
    (0..count).map(|number| Box::new(flow(number)) as Box<dyn Visitor>).collect()
}

/// Consents once for every session, so that the flows that follow are asked nothing.
pub fn consent(instance: &Instance, sessions: &[String], client: &str, scope: &str) -> Outcome<()> {
    sessions.iter().try_for_each(|session| consent_at(instance, session, &authorize_path(client, scope)))
}

/// Consents once to what this address asks for.
pub fn consent_at(instance: &Instance, session: &str, path: &str) -> Outcome<()> {
    let mut connection = Connection::open(instance.address)?;
    let host = &instance.host;
    let answer = connection.ask(&get(host, path, session))?;
    if answer.redirect_parameter("code").is_some() {
        // An earlier part has asked this person.
        return Ok(());
    }
    let path = answer.header("location").to_owned();
    let page = connection.ask(&get(host, &path, session))?;
    page.expect(200)?;
    let hidden = |name: &str| page.between(&format!("name=\"{name}\" value=\""), "\"").to_owned();
    let form = format!("csrf={}&fuer={}&antwort=ja", hidden("csrf"), hidden("fuer"));
    let answer = connection.ask(&post(host, &path, session, &form))?;
    answer.expect(303)?;
    let path = answer.header("location").to_owned();
    let answer = connection.ask(&get(host, &path, session))?;
    answer.redirect_parameter("code").map(drop).ok_or_else(|| "no code after consent".into())
}
