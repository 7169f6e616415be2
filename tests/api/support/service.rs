//! A relying party: makes requests, redeems codes, reads userinfo.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nutzerkonto::kernel::secret::sha256;

use super::browser::{Answer, Browser};
use super::world::World;

/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[derive(Clone)]
pub struct Service {
    pub id: String,
    pub secret: String,
    pub redirect_uri: String,
}

impl Service {
    pub fn new(id: &str) -> Self {
        let (secret, redirect_uri) = (format!("secret-of-{id}"), format!("https://{id}.example/cb"));
        Self { id: id.to_owned(), secret, redirect_uri }
    }

    /// One that runs on people's own devices and can keep no secret.
    pub fn public(id: &str) -> Self {
        Self { secret: String::new(), ..Self::new(id) }
    }

    /// As [`declaration`](Self::declaration), and it may ask for offline access.
    pub fn offline_declaration(&self, extra: &str) -> String {
        self.declaration(extra).replacen("\"email\"]", "\"email\", \"offline_access\"]", 1)
    }

    /// Its part of the client file.
    pub fn declaration(&self, extra: &str) -> String {
        let hash: String = sha256(self.secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let (id, uri) = (&self.id, &self.redirect_uri);
        let authentication = if self.secret.is_empty() {
            "method = \"none\"\n".to_owned()
        } else {
            format!("method = \"client_secret_basic\"\nsecret_sha256 = \"{hash}\"\n")
        };
        // Where a story declares its own claims, these are not wanted.
        let claims = if extra.contains("claims = ") {
            ""
        } else {
            "claims = [{ names = [\"name\", \"given_name\", \"family_name\", \"birthdate\", \"email\"] }]"
        };
        format!(
            "[[client]]\nid = \"{id}\"\nname = {{ de = \"Dienst {id}\", en = \"Service {id}\" }}\n\
             operator = {{ de = \"Stadt Musterhausen\", en = \"City of Musterhausen\" }}\n\
             purpose = {{ de = \"Ihren Antrag bearbeiten\", en = \"To process your application\" }}\n\
             privacy_uri = \"https://{id}.example/datenschutz\"\nredirect_uris = [\"{uri}\"]\n\
             post_logout_redirect_uris = [\"https://{id}.example/\"]\nscopes = [\"openid\", \"profile\", \"email\"]\n{claims}\n{extra}\n\
             [client.authentication]\n{authentication}"
        )
    }

    /// The parameters of an ordinary request.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![
            ("client_id", self.id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("response_type", "code".to_owned()),
            ("scope", "openid profile email".to_owned()),
            ("state", "zustand-1".to_owned()),
            ("nonce", "nonce-1".to_owned()),
            ("code_challenge", URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes()))),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    /// The address of a request with some parameters changed, added, or (empty) left out.
    pub fn request(&self, changes: &[(&'static str, &str)]) -> String {
        let mut parameters = self.parameters();
        for (name, value) in changes {
            parameters.retain(|(known, _)| known != name);
            if !value.is_empty() {
                parameters.push((name, (*value).to_owned()));
            }
        }
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("/oauth2/authorize?{query}")
    }

    pub fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret)))
    }

    /// Redeems a code at a node.
    pub async fn redeem_at(&self, browser: &Browser, code: &str, changes: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            if !value.is_empty() {
                form.push((name, value));
            }
        }
        self.ask_at(browser, "/oauth2/token", &form).await
    }

    /// Sends a form to an endpoint of a node, as this client.
    pub async fn ask_at(&self, browser: &Browser, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut anybody = browser.without_cookies();
        let request = anybody.request(reqwest::Method::POST, path);
        if self.secret.is_empty() {
            let named = [form, &[("client_id", self.id.as_str())]].concat();
            return anybody.send(request.form(&named)).await;
        }
        anybody.send(request.header("authorization", self.basic()).form(form)).await
    }

    pub async fn ask(&self, world: &World, path: &str, form: &[(&str, &str)]) -> Answer {
        self.ask_at(&world.browser(), path, form).await
    }

    /// Redeems a refresh token.
    pub async fn refresh(&self, world: &World, token: &str) -> Answer {
        self.ask(world, "/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub async fn redeem(&self, world: &World, code: &str) -> Answer {
        self.redeem_at(&world.browser(), code, &[]).await
    }

    /// Asks userinfo with an access token.
    pub async fn userinfo(&self, world: &World, token: &str) -> Answer {
        let mut anybody = world.browser();
        let request = anybody.request(reqwest::Method::GET, "/oauth2/userinfo");
        anybody.send(request.header("authorization", format!("Bearer {token}"))).await
    }

    /// Brings a signed-in browser through consent, if that is asked, to a code.
    pub async fn code(&self, browser: &mut Browser, changes: &[(&'static str, &str)]) -> String {
        let mut answer = browser.visit(&self.request(changes)).await;
        if answer.status == 200 {
            let path = format!("/einwilligung?vorgang={}", vorgang(&answer));
            answer = browser.post(&path, &[("antwort", "ja")]).await;
            answer = browser.follow(answer).await;
        }
        answer.parameter("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
    }
}

/// The request a page belongs to, read from its forms.
pub fn vorgang(answer: &Answer) -> String {
    let rest = answer.body.split_once("vorgang=").map(|(_, rest)| rest).unwrap_or_default();
    rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
}

/// The claims of a token, unverified.
pub fn claims(token: &str) -> serde_json::Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
