//! What people's browsers open: authorization, its pages, signing out; and what everybody may read of us.

pub mod consent;
pub mod device;
pub mod programs;
pub mod registration;
pub mod unchecked;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::authorize::{self, Decision};
use super::device::Verdict;
use super::dispatch::Step;
use super::request::{self, Parameters, Refusal};
use super::response::Response;
use super::{discovery, logout, logout_state, par, request_object};
use crate::app::App;
use crate::kernel::error::{Error, Protocol};
use crate::kernel::key_times::JWK_SET_KEPT;
use crate::signin::session;
use crate::store::work::Actor;
use crate::web::caller::Visitor;
use crate::web::form::{ForeignForm, Form, parse_pairs};
use crate::web::page::{Frame, content_policy};

type Answer = Result<HttpResponse, Error>;

pub async fn discovery(app: web::Data<App>) -> Answer {
    let document = discovery::document(&app.config);
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=3600")).json(document))
}

pub async fn jwks(app: web::Data<App>) -> Answer {
    let mut response = HttpResponse::Ok();
    let cache = format!("public, max-age={}", JWK_SET_KEPT.as_secs());
    response.insert_header((header::CACHE_CONTROL, cache)).content_type("application/json");
    Ok(response.body(app.keys.current().jwk_set().to_owned()))
}

fn query_parameters(request: &HttpRequest) -> Result<Parameters, Error> {
    let pairs = parse_pairs(request.query_string().as_bytes());
    Parameters::new(pairs.ok_or_else(|| Error::protocol("invalid_request", "the query is malformed"))?)
}

pub async fn authorize(visitor: Visitor, http: HttpRequest) -> Answer {
    let parameters = query_parameters(&http)?;
    let (app, registry) = (&visitor.app, &visitor.registry);
    let client = request::find_client(registry, &parameters).map_err(Error::Protocol)?;
    let request = if par::is_reference(&parameters) {
        let (request, hash) = par::find(app, &client, &parameters).await?;
        (request, Some(hash))
    } else {
        let opened = request_object::open(app, registry, &client, &parameters).await?;
        match request::check(app, client.clone(), opened.as_ref().unwrap_or(&parameters)) {
            Ok(request) => (request, None),
            Err(Refusal::Page(error)) => return Err(Error::Protocol(error)),
            Err(Refusal::Client { target, error }) => {
                let response = Response::failure(app, &client, &target, &error)?;
                let is_silent = opened.as_ref().unwrap_or(&parameters).get("prompt") == Some("none");
                return answer(&visitor, &if is_silent { response.silently() } else { response });
            }
        }
    };
    let browser = visitor.browser_hash();
    let decision = authorize::begin(&visitor.app, &client, request, visitor.present(), &browser).await?;
    follow(&visitor, decision)
}

/// A request as a form from the client's page comes without our cookies (`SameSite=Lax`), so that the
/// browser has to come once more by itself.
pub async fn authorize_by_form(ForeignForm(pairs): ForeignForm) -> Answer {
    again_by_get("/oauth2/authorize", pairs)
}

fn again_by_get(path: &str, pairs: Vec<(String, String)>) -> Answer {
    let parameters = Parameters::new(pairs)?;
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.pairs()).finish();
    Ok(crate::web::page::redirect(&format!("{path}?{query}")))
}

fn follow(visitor: &Visitor, decision: Decision) -> Answer {
    let (path, id) = match decision {
        Decision::Return(response) => return answer(visitor, &response),
        Decision::Device(Verdict::Allowed) => return visitor.leave("/geraet/fertig"),
        Decision::Device(Verdict::Denied) => return visitor.leave("/geraet/abgelehnt"),
        Decision::Continue(Step::Register, id) => ("/registrieren", id),
        Decision::Continue(Step::RaiseLevel(_), id) => ("/anmelden/niveau", id),
        Decision::Continue(Step::ChooseActing, id) => ("/anmelden/wahl", id),
        Decision::Continue(Step::ConfirmDevice, id) => ("/geraet/pruefen", id),
        Decision::Continue(Step::ConfirmClient, id) => ("/dienst/pruefen", id),
        Decision::Continue(Step::Consent, id) => ("/einwilligung", id),
        Decision::Continue(Step::ShareDocument, id) => ("/safe/anfrage", id),
        Decision::Continue(_, id) => ("/anmelden", id),
    };
    visitor.leave(&format!("{path}?vorgang={id}"))
}

#[derive(Template)]
#[template(path = "oidc/form_post.html")]
struct FormPostPage<'a> {
    f: Frame,
    service: String,
    redirect_uri: &'a str,
    parameters: &'a [(&'static str, String)],
}

/// Sends the browser back to the client: by a redirect, or by a form whose only place to go is the client.
fn answer(visitor: &Visitor, response: &Response) -> Answer {
    let Response { target, parameters, waits } = response;
    if !target.mode.is_form() && !waits {
        return visitor.leave(&response.location());
    }
    let redirect_uri = target.redirect_uri.as_str();
    let service = unchecked::host(redirect_uri);
    // No form on this page goes anywhere else: not to sign out, not to cancel.
    let f = Frame { signed_in: false, acting: None, service: None, csrf: String::new(), ..visitor.frame() };
    if !target.mode.is_form() {
        return unchecked::hold(visitor, Frame { q: String::new(), ..f }, (service, response.location()));
    }
    let mut page = visitor.page(&FormPostPage { f, service, redirect_uri, parameters })?;
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, content_policy(Some(redirect_uri))?);
    Ok(page)
}

/// Every step returns here.
pub async fn resume(visitor: Visitor) -> Answer {
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    let browser = visitor.browser_hash();
    let decision = authorize::resume(&visitor.app, &pending, visitor.present(), &browser).await?;
    follow(&visitor, decision)
}

pub async fn cancel(visitor: Visitor, _form: Form) -> Answer {
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    let too_low =
        visitor.session.as_ref().is_some_and(|session| session.level(visitor.app.now()) < pending.request.level);
    let error = if too_low {
        let description = "the level that the client needs was not reached";
        Protocol { code: "unmet_authentication_requirements", description, detail: None }
    } else {
        Protocol { code: "access_denied", description: "the person has cancelled", detail: None }
    };
    let decision = authorize::refuse(&visitor.app, &pending, &visitor.browser_hash(), &error).await?;
    follow(&visitor, decision)
}

#[derive(Template)]
#[template(path = "oidc/logout.html")]
struct LogoutPage {
    f: Frame,
    service: Option<String>,
    fields: Vec<(String, String)>,
}

const LOGOUT_FIELDS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

pub async fn logout(visitor: Visitor, http: HttpRequest) -> Answer {
    let parameters = query_parameters(&http)?;
    let checked = logout::check(&visitor.app, &visitor.registry, &parameters, visitor.session.as_ref())?;
    if checked.confirmed {
        return end(&visitor, checked.target).await;
    }
    let fields = LOGOUT_FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), parameters.get(name)?.to_owned())));
    let service = checked.client.map(|client| client.title(visitor.language));
    visitor.page(&LogoutPage { f: visitor.frame(), service, fields: fields.collect() })
}

pub async fn logout_by_form(ForeignForm(pairs): ForeignForm) -> Answer {
    again_by_get("/oauth2/logout", pairs)
}

pub async fn confirm_logout(visitor: Visitor, form: Form) -> Answer {
    let field =
        |name: &&str| Some(((*name).to_owned(), form.get(name).to_owned())).filter(|(_, value)| !value.is_empty());
    let parameters = Parameters::new(LOGOUT_FIELDS.iter().filter_map(field).collect())?;
    let checked = logout::check(&visitor.app, &visitor.registry, &parameters, visitor.session.as_ref())?;
    if form.is("antwort", "ja") {
        return end(&visitor, checked.target).await;
    }
    visitor.leave(checked.target.as_deref().unwrap_or("/konto"))
}

async fn end(visitor: &Visitor, target: Option<String>) -> Answer {
    // Nobody to sign out: a link from anywhere must not end what is under way in this browser.
    let Some(session) = &visitor.session else { return visitor.leave(target.as_deref().unwrap_or("/abgemeldet")) };
    let mut work = visitor.app.begin(Actor::Account(session.account_id.clone())).await?;
    work.request = Some(visitor.request_id.clone());
    session::end(&mut work, session).await?;
    work.commit().await?;
    match target {
        Some(target) => visitor.end_session(&target),
        None => visitor.end_session(&logout_state::farewell(&visitor.app, &visitor.registry, &session.id).await?),
    }
}
