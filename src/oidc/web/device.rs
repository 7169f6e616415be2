//! Devices: where they ask, and the pages on which a person types their code and answers.

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use askama::Template;

use super::programs::proving_client;
use super::{Answer, follow};
use crate::app::App;
use crate::client::registry::Registry;
use crate::client::{Claim, Scope};
use crate::kernel::error::{Error, FieldProblem, Protocol};
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::oidc::authorize::{self, Said};
use crate::oidc::consent::Side;
use crate::oidc::device::{self, Typed};
use crate::oidc::request::AuthorizationRequest;
use crate::oidc::response::Destination;
use crate::oidc::{connection, consent, scopes_of};
use crate::signin::attempts::Network;
use crate::web::aim::Aim;
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::{ForeignForm, Form};
use crate::web::guard::RequestFacts;
use crate::web::page::{Frame, Problems};

/// RFC 8628 section 3.1.
pub async fn begin(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    ForeignForm(pairs): ForeignForm,
) -> Answer {
    let (authenticated, parameters) = proving_client(&app, &registry, &http, pairs).await?;
    let address = http.extensions().get::<RequestFacts>().map(|facts| facts.address);
    let network = Network::of(address.ok_or_else(|| Error::broken("no facts in the request"))?);
    Ok(HttpResponse::Ok().json(device::begin(&app, &authenticated, &parameters, &network).await?))
}

#[derive(Template)]
#[template(path = "oidc/device.html")]
struct CodePage {
    f: Frame,
    code: String,
    problems: Problems,
}

pub async fn show(caller: SignedIn) -> Answer {
    let visitor = &caller.visitor;
    visitor.page(&CodePage { f: visitor.frame(), code: String::new(), problems: Problems::none() })
}

pub async fn submit(caller: SignedIn, form: Form) -> Answer {
    let visitor = &caller.visitor;
    let code = form.get("code");
    let refused = |problem| {
        let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
        let code = code.chars().take(20).collect();
        visitor.page_again(&CodePage { f: visitor.frame(), code, problems })
    };
    if code.trim().is_empty() {
        return refused("device_code_missing");
    }
    let typed = Typed { account: &caller.session.account_id, code, network: &visitor.network() };
    let Some((client, request)) = device::find_typed(&visitor.app, &visitor.registry, typed).await? else {
        return refused("device_code_wrong");
    };
    let browser = visitor.browser_hash();
    follow(visitor, authorize::begin(&visitor.app, &client, (request, None), visitor.present(), &browser).await?)
}

#[derive(Template)]
#[template(path = "oidc/device_check.html")]
struct CheckPage {
    f: Frame,
    service: String,
    purpose: String,
    /// When the device asked.
    asked_at: String,
    /// What the service gets, in words.
    data: String,
    is_offline: bool,
}

/// When the device asked that still waits for this.
async fn asked_at(visitor: &Visitor, request: &AuthorizationRequest) -> Result<Timestamp, Error> {
    let Destination::Device(device) = &request.target else { return Err(Error::Gone) };
    let asked_at = device::asked_at(&mut visitor.app.read().await?, device, visitor.app.now()).await?;
    asked_at.ok_or(Error::Gone)
}

/// What is about to happen, before anything does.
pub async fn check(caller: SignedIn) -> Answer {
    let visitor = &caller.visitor;
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    let asked_at = asked_at(visitor, &pending.request).await?;
    let (language, client) = (visitor.language, &pending.client);
    let side = visitor.present().map_or(Side::Own, |present| Side::of(&authorize::whose(client, present)));
    let claims: Vec<Claim> = consent::questions(client, &pending.request, side);
    visitor.page(&CheckPage {
        f: visitor.frame(),
        service: client.title(language),
        purpose: client.purpose.get(language).to_owned(),
        asked_at: moment::date_and_clock(language, asked_at),
        data: connection::data_names(language, &claims),
        is_offline: scopes_of(&pending.request.scope).contains(&Scope::OfflineAccess),
    })
}

pub async fn submit_check(caller: SignedIn, form: Form) -> Answer {
    let visitor = &caller.visitor;
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    asked_at(visitor, &pending.request).await?;
    let browser = visitor.browser_hash();
    // Only this word allows anything.
    if form.is("antwort", "erlauben") {
        authorize::say(&visitor.app, &pending, &caller.session, &browser, Said::OwnDevice).await?;
        return visitor.go("/weiter");
    }
    let error = Protocol { code: "access_denied", description: "the person has denied the device", detail: None };
    follow(visitor, authorize::refuse(&visitor.app, &pending, &browser, &error).await?)
}

#[derive(Template)]
#[template(path = "oidc/device_done.html")]
struct DonePage {
    f: Frame,
}

pub async fn done(visitor: Visitor) -> Answer {
    visitor.page(&DonePage { f: visitor.frame() })
}

#[derive(Template)]
#[template(path = "oidc/device_denied.html")]
struct DeniedPage {
    f: Frame,
    again: &'static str,
}

pub async fn denied(visitor: Visitor) -> Answer {
    visitor.page(&DeniedPage { f: visitor.frame(), again: Aim::Device.path() })
}
