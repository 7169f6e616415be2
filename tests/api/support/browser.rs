//! A browser as far as forms and cookies go, and the walks people take with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::world::World;

/// The password everybody has until a story says otherwise.
pub const PASSWORD: &str = "wolke-gondel-tisch-42";
/// A page may weigh 30 KB with its colours and its icon; they take a fourth of it.
pub const LIST_MAX_BYTES: usize = 22 * 1024;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where it redirects to; empty if it does not.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The value of a parameter of the redirect.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(self.location()).ok()?;
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of a hidden field of the page's forms.
    pub fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let rest = self.body.split_once(&mark).map(|(_, rest)| rest).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    pub fn heading(&self) -> &str {
        let rest = self.body.split_once("<h1").and_then(|(_, rest)| rest.split_once('>')).map_or("", |(_, rest)| rest);
        rest.split("</h1>").next().unwrap_or_default().trim()
    }
}

#[derive(Clone)]
pub struct Browser {
    issuer: String,
    address: SocketAddr,
    http: reqwest::Client,
    pub cookies: BTreeMap<String, String>,
    pub language: &'static str,
    /// The anti-forgery value of the last page.
    pub csrf: String,
}

impl Browser {
    pub fn new(issuer: &str, address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let (issuer, cookies, csrf) = (issuer.to_owned(), BTreeMap::new(), String::new());
        Self { issuer, address, http, cookies, language: "de", csrf }
    }

    /// The same browser, talking to another node.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// Somebody else at the same node.
    pub fn without_cookies(&self) -> Self {
        Self { cookies: BTreeMap::new(), ..self.clone() }
    }

    /// A request to this node, with the issuer's host and this browser's cookies.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let path = path.strip_prefix(&self.issuer).unwrap_or(path);
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        request = request.header("host", self.issuer.trim_start_matches("http://"));
        request = request.header("accept-language", self.language);
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    pub async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let answer = Answer { status, headers, body: response.text().await.unwrap() };
        let csrf = answer.hidden("csrf");
        if !csrf.is_empty() {
            self.csrf = csrf;
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(reqwest::Method::GET, path);
        self.send(request).await
    }

    /// Sends a form with the anti-forgery value of the last page.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = vec![("csrf", self.csrf.clone())];
        form.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let request = self.request(reqwest::Method::POST, path).form(&form);
        self.send(request).await
    }

    /// Follows redirects of ours until a page or a foreign address comes.
    pub async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            let location = answer.location().to_owned();
            if !(location.starts_with('/') || location.starts_with(&self.issuer)) {
                return answer;
            }
            answer = self.get(&location).await;
        }
        panic!("more than ten redirects");
    }

    /// Opens a page of a flow and follows to where it leads.
    pub async fn visit(&mut self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.follow(answer).await
    }

    /// Signs in on the sign-in page; the answer is what came back for the form.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.get("/anmelden").await;
        let answer = self.post("/anmelden", &[("email", email), ("password", password)]).await;
        if answer.status == 303 {
            // The forms of the new session.
            self.get("/profil").await;
        }
        answer
    }

    /// Registers from the first page to the last.
    pub async fn register(&mut self, world: &World, email: &str, names: [&str; 2]) -> Answer {
        self.get("/registrieren/email").await;
        self.post("/registrieren/email", &[("email", email)]).await;
        let code = world.code_for(email).await;
        self.post("/registrieren/code", &[("code", &code)]).await;
        let one_name = if names[0].is_empty() { "ja" } else { "" };
        let person = [("given_names", names[0]), ("family_name", names[1]), ("one_name", one_name)];
        let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
        self.post("/registrieren/name", &[person.as_slice(), &birth].concat()).await;
        self.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
        self.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
        self.get("/registrieren/pruefen").await;
        let done = self.post("/registrieren/pruefen", &[]).await;
        world.mail_to(email).await;
        // The forms of the new session.
        self.get("/profil").await;
        done
    }

    pub fn is_signed_in(&self) -> bool {
        self.cookies.contains_key("nk_s")
    }
}
