//! Pages of signing in and out.

pub mod blocking;
pub mod code_app;
pub mod contact;
pub mod new_means;
pub mod partial;
pub mod passkey;
pub mod passkeys;
pub mod recovery;
pub mod register;
pub mod reset;
pub mod security;
pub mod way_back;

use std::sync::Arc;

use actix_web::HttpResponse;
use askama::Template;

use super::password::{Attempt, Outcome, sign_in};
use super::session;
use crate::client::Client;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::secret::Secret;
use crate::oidc::logout_state::{self, Logout};
use crate::store::work::Actor;
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::{Form, parse_pairs};
use crate::web::locked::locked;
use crate::web::page::{Frame, Problems, ProviderButton};

type Answer = Result<HttpResponse, Error>;

/// The second button of a password form only shows or hides what is typed; the first sends no such value.
fn shows_field(form: &Form) -> Option<bool> {
    let wanted = form.get("anzeigen");
    (!wanted.is_empty()).then_some(wanted == "ja")
}

#[derive(Template)]
#[template(path = "signin/signin.html")]
struct SigninPage {
    f: Frame,
    email: String,
    problems: Problems,
    issuer: String,
    has_eid: bool,
    /// Whose accounts may be linked.
    providers: Vec<ProviderButton>,
    has_passkeys: bool,
}

fn signin_page(visitor: &Visitor, email: &str, problems: Problems) -> Answer {
    let (f, issuer, is_refused) = (visitor.frame(), visitor.app.config.issuer.clone(), problems.any());
    let (has_eid, providers) = (visitor.app.eid.is_some(), ProviderButton::all(&visitor.app, visitor.language));
    let has_passkeys = visitor.app.config.has_name();
    let page = SigninPage { f, email: email.to_owned(), problems, issuer, has_eid, providers, has_passkeys };
    let response = if is_refused { visitor.page_again(&page)? } else { visitor.page(&page)? };
    if has_passkeys { visitor.with_script(response) } else { Ok(response) }
}

pub async fn show(visitor: Visitor) -> Answer {
    // Signed in and not on the way to a service that asked for a new sign-in.
    if visitor.session.is_some() && visitor.pending.is_none() {
        return visitor.leave(&visitor.onwards());
    }
    if visitor.leaving.is_some() {
        return visitor.go("/daten/rueckkehr");
    }
    let hint = visitor.pending.as_ref().and_then(|pending| pending.request.login_hint.clone()).unwrap_or_default();
    signin_page(&visitor, &hint, Problems::none())
}

pub async fn submit(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let (email, password) = (form.get("email"), form.get("password"));
    let mut missing = Vec::new();
    if email.trim().is_empty() {
        missing.push(FieldProblem { field: "email", problem: "email_missing" });
    }
    if password.is_empty() {
        missing.push(FieldProblem { field: "password", problem: "password_missing" });
    }
    if !missing.is_empty() {
        return signin_page(&visitor, email, visitor.problems(&missing));
    }
    let attempt = Attempt {
        browser: &visitor.browser_hash(),
        email,
        password,
        network: &visitor.network(),
        comer: visitor.comer(&device),
    };
    match sign_in(&visitor.app, attempt).await {
        Ok(Outcome::Begun(token)) => begun(&visitor, &token, &device),
        Ok(Outcome::Partial) => visitor.go("/anmelden/code"),
        Ok(Outcome::Wrong) => {
            metrics::counter!("nutzerkonto_signins_total", "result" => "refused").increment(1);
            let wrong = [FieldProblem { field: "email", problem: "wrong_credentials" }];
            signin_page(&visitor, email, visitor.problems(&wrong))
        }
        Ok(Outcome::Locked(account)) => locked(&visitor, &account).await,
        Err(Error::Invalid(problems)) => signin_page(&visitor, email, visitor.problems(&problems)),
        Err(error) => Err(error),
    }
}

/// Complete: back to wherever the person is going.
fn begun(visitor: &Visitor, token: &Secret<String>, device: &CallerDevice) -> Answer {
    metrics::counter!("nutzerkonto_signins_total", "result" => "begun").increment(1);
    visitor.begin_session(&visitor.onwards(), token, device)
}

pub async fn sign_out(visitor: Visitor, _form: Form) -> Answer {
    if let Some(session) = visitor.session.as_ref().or(visitor.leaving.as_ref()) {
        let mut work = visitor.app.begin(Actor::Account(session.account_id.clone())).await?;
        work.request = Some(visitor.request_id.clone());
        session::end(&mut work, session).await?;
        work.commit().await?;
        let farewell = logout_state::farewell(&visitor.app, &visitor.registry, &session.id).await?;
        return visitor.end_session(&farewell);
    }
    visitor.end_session("/abgemeldet")
}

#[derive(Template)]
#[template(path = "signin/signed_out.html")]
struct SignedOutPage {
    f: Frame,
    /// Services that are told of it.
    services: Vec<ToldRow>,
}

struct ToldRow {
    id: String,
    title: String,
    logout: String,
}

pub async fn signed_out(visitor: Visitor) -> Answer {
    let (language, pairs) = (visitor.language, parse_pairs(visitor.query().as_bytes()).unwrap_or_default());
    let sealed = pairs.iter().find(|(name, _)| name == "sitzung").map_or("", |(_, sealed)| sealed.as_str());
    let told = logout_state::of_farewell(&visitor.app, &visitor.registry, sealed).await?;
    let row = |(client, logout): (Arc<Client>, Logout)| ToldRow {
        id: client.id.to_string(),
        title: client.title(language),
        logout: logout.words(language),
    };
    visitor.page(&SignedOutPage { f: visitor.frame(), services: told.into_iter().map(row).collect() })
}
