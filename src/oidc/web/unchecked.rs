//! Services that have registered themselves and that nobody has checked: the page before anything goes to one, and the page in
//! the place of a redirect that nobody has asked for.

use actix_web::HttpResponse;
use askama::Template;

use super::{Answer, follow};
use crate::client::Client;
use crate::kernel::error::{Error, Protocol};
use crate::oidc::authorize::{self, Said};
use crate::oidc::response::Destination;
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::Form;
use crate::web::page::Frame;

/// What a service shows of itself that has registered itself.
pub struct Own {
    /// An address of ours.
    pub logo: Option<String>,
    pub terms_uri: Option<String>,
}

impl Own {
    pub fn of(client: &Client) -> Option<Self> {
        let registration = client.registration.as_ref()?;
        let logo = registration.has_logo.then(|| format!("/dienst/{}/logo", client.id));
        Some(Self { logo, terms_uri: registration.terms_uri.clone() })
    }
}

/// The host of an address, as people compare it.
pub fn host(uri: &str) -> String {
    url::Url::parse(uri).ok().and_then(|uri| uri.host_str().map(str::to_owned)).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "oidc/unchecked.html")]
struct UncheckedPage {
    f: Frame,
    name: String,
    /// Where the data goes; nothing for a device, of which nobody knows whose it is.
    host: Option<String>,
    own: Option<Own>,
    policy_uri: String,
}

/// What is known of the service, before anything goes to it.
pub async fn show(caller: SignedIn) -> Answer {
    let visitor = &caller.visitor;
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    let client = &pending.client;
    let host = match &pending.request.target {
        Destination::Client(target) => Some(host(&target.redirect_uri)),
        Destination::Device(_) => None,
    };
    visitor.page(&UncheckedPage {
        f: visitor.frame(),
        name: client.name.get(visitor.language).to_owned(),
        host,
        own: Own::of(client),
        policy_uri: client.privacy_uri.clone(),
    })
}

pub async fn submit(caller: SignedIn, form: Form) -> Result<HttpResponse, Error> {
    let visitor = &caller.visitor;
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    let browser = visitor.browser_hash();
    // Only this word goes on.
    if form.is("antwort", "weiter") {
        authorize::say(&visitor.app, &pending, &caller.session, &browser, Said::UncheckedClient).await?;
        return visitor.go("/weiter");
    }
    let error = Protocol { code: "access_denied", description: "the person did not go on", detail: None };
    follow(visitor, authorize::refuse(&visitor.app, &pending, &browser, &error).await?)
}

#[derive(Template)]
#[template(path = "oidc/hold.html")]
struct HoldPage {
    f: Frame,
    host: String,
    location: String,
}

/// Names the host to which the browser would have been sent, and leaves it to the person.
pub fn hold(visitor: &Visitor, f: Frame, (host, location): (String, String)) -> Answer {
    visitor.page(&HoldPage { f, host, location })
}
