//! Pages of signing in and out.

pub mod contact;
pub mod register;
pub mod reset;
pub mod security;

use std::sync::Arc;

use actix_web::HttpResponse;
use askama::Template;

use super::password::{Attempt, Outcome, sign_in};
use super::session;
use crate::audit;
use crate::client::Client;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::AccountId;
use crate::kernel::texts::moment;
use crate::oidc::logout_state::{self, Logout};
use crate::store::work::Actor;
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::{Form, parse_pairs};
use crate::web::page::{Frame, Problems, level_name};

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
}

fn signin_page(visitor: &Visitor, email: &str, problems: Problems) -> SigninPage {
    SigninPage { f: visitor.frame(), email: email.to_owned(), problems, issuer: visitor.app.config.issuer.clone() }
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
    visitor.page(&signin_page(&visitor, &hint, Problems::none()))
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
        return visitor.page_again(&signin_page(&visitor, email, visitor.problems(&missing)));
    }
    let attempt = Attempt {
        email,
        password,
        network: &visitor.network(),
        device: &device.0,
        previous: visitor.session.as_ref().or(visitor.leaving.as_ref()),
        client: visitor.pending.as_ref().map(|pending| pending.client.id.clone()),
        request: Some(visitor.request_id.clone()),
    };
    match sign_in(&visitor.app, attempt).await {
        Ok(Outcome::Begun(token, _)) => {
            metrics::counter!("nutzerkonto_signins_total", "result" => "begun").increment(1);
            visitor.begin_session(&visitor.onwards(), &token, &device)
        }
        Ok(Outcome::Wrong) => {
            metrics::counter!("nutzerkonto_signins_total", "result" => "refused").increment(1);
            let wrong = [FieldProblem { field: "email", problem: "wrong_credentials" }];
            visitor.page_again(&signin_page(&visitor, email, visitor.problems(&wrong)))
        }
        Ok(Outcome::Locked(account)) => locked(&visitor, &account).await,
        Err(Error::Invalid(problems)) => visitor.page_again(&signin_page(&visitor, email, visitor.problems(&problems))),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "signin/locked.html")]
struct LockedPage {
    f: Frame,
    since: String,
    reason: String,
}

/// For somebody who knows the password; nobody else learns that the account is locked.
async fn locked(visitor: &Visitor, account: &AccountId) -> Answer {
    metrics::counter!("nutzerkonto_signins_total", "result" => "locked").increment(1);
    let events =
        audit::of_kinds(&mut visitor.app.read().await?, account.as_str(), &["account.locked"], None, 1).await?;
    let event = events.into_iter().next().ok_or_else(|| Error::broken("a locked account without its event"))?;
    let since = moment::date_and_clock(visitor.language, event.at);
    visitor.page_refused(&LockedPage { f: visitor.frame(), since, reason: event.reason.unwrap_or_default() })
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

#[derive(Template)]
#[template(path = "signin/level.html")]
struct LevelPage {
    f: Frame,
    needed: String,
    have: String,
    /// Why the service wants it, in its own words.
    reason: Option<String>,
}

/// The service wants more than this account can give: said plainly, with the way back.
pub async fn level(visitor: Visitor) -> Answer {
    let (Some(pending), Some(session)) = (&visitor.pending, &visitor.session) else { return Err(Error::Gone) };
    let f = visitor.frame();
    let (needed, have) = (level_name(f.t, pending.request.level), level_name(f.t, session.level));
    let reason = pending.client.level_reason.as_ref().filter(|_| pending.client.level > session.level);
    let reason = reason.map(|reason| reason.get(visitor.language).to_owned());
    visitor.page(&LevelPage { f, needed, have, reason })
}
