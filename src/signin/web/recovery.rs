//! The pages of a way back without a second factor: asking for it, waiting, taking it, ending it.

use actix_web::web;
use askama::Template;

use super::{Answer, locked, partial};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::moment;
use crate::signin::partial::Partial;
use crate::signin::recovery::cancel::{self as ending, Why};
use crate::signin::recovery::{self, Outcome, Recovery, release};
use crate::store::work::Actor;
use crate::web::caller::{CallerDevice, SignedIn, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// Without a password that was right in this browser there is nothing to see.
struct Waiting {
    partial: Partial,
    recovery: Option<Recovery>,
    /// The address that gets the mails, as somebody recognises their own.
    email: String,
}

async fn waiting(visitor: &Visitor, device: &CallerDevice) -> Result<Option<Waiting>, Error> {
    let app = &visitor.app;
    let Some(partial) = partial::waiting(visitor, device).await? else { return Ok(None) };
    let mut tx = app.read().await?;
    let recovery = recovery::find(&mut tx, &partial.account, app.now()).await?;
    let email = crate::account::load(&mut tx, &app.vault, &partial.account).await?.email.address.masked();
    Ok(Some(Waiting { partial, recovery, email }))
}

#[derive(Template)]
#[template(path = "recovery/ask.html")]
struct AskPage {
    f: Frame,
    days: u64,
    email: String,
}

#[derive(Template)]
#[template(path = "recovery/waits.html")]
struct WaitsPage {
    f: Frame,
    release: String,
    until: String,
}

#[derive(Template)]
#[template(path = "recovery/open.html")]
struct OpenPage {
    f: Frame,
    until: String,
    email: String,
}

pub async fn show(visitor: Visitor, device: CallerDevice) -> Answer {
    let Some(Waiting { recovery, email, .. }) = waiting(&visitor, &device).await? else {
        return visitor.go("/anmelden");
    };
    let (f, now) = (visitor.frame(), visitor.app.now());
    let at = |when| moment::date_and_clock(visitor.language, when);
    match recovery {
        None => visitor.page(&AskPage { f, days: recovery::waiting_days(now), email }),
        Some(one) if one.is_released(now) => visitor.page(&OpenPage { f, until: at(one.expires_at()), email }),
        Some(one) => visitor.page(&WaitsPage { f, release: at(one.release_at()), until: at(one.expires_at()) }),
    }
}

pub async fn send_code(visitor: Visitor, device: CallerDevice, _form: Form) -> Answer {
    let Some(Waiting { partial, .. }) = waiting(&visitor, &device).await? else {
        return visitor.go("/anmelden");
    };
    let place = (visitor.browser_hash(), visitor.network());
    match recovery::send_code(&visitor.app, (&place.0, &place.1), &partial.account).await {
        Ok(()) => visitor.go("/anmelden/freigabe/code"),
        Err(Error::Conflict(_)) => visitor.go("/anmelden/freigabe"),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "recovery/code.html")]
struct CodePage {
    f: Frame,
    email: String,
    until: String,
    problems: Problems,
}

/// `None` if no code waits in this browser.
async fn code_page(visitor: &Visitor, device: &CallerDevice, problems: Problems) -> Result<Option<CodePage>, Error> {
    let Some(Waiting { partial, recovery, email }) = waiting(visitor, device).await? else { return Ok(None) };
    let (browser, account) = (visitor.browser_hash(), &partial.account);
    let until = recovery::code_expiry(&mut visitor.app.read().await?, &browser, account, recovery.as_ref()).await?;
    Ok(until.map(|until| CodePage { f: visitor.frame(), email, until: moment::clock(until), problems }))
}

pub async fn code(visitor: Visitor, device: CallerDevice) -> Answer {
    match code_page(&visitor, &device, Problems::none()).await? {
        Some(page) => visitor.page(&page),
        None => visitor.go("/anmelden/freigabe"),
    }
}

#[derive(Template)]
#[template(path = "recovery/done.html")]
pub(super) struct DonePage {
    pub(super) f: Frame,
    pub(super) codes: Vec<String>,
    pub(super) onwards: String,
    /// There is no password, but a passkey.
    pub(super) has_passkey: bool,
}

pub async fn submit_code(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let (typed, place) = (form.get("code"), (visitor.browser_hash(), visitor.network()));
    let outcome = if typed.trim().is_empty() {
        Outcome::Wrong("code_missing")
    } else {
        recovery::confirm(&visitor.app, &partial::attempt(&visitor, &device, typed, (&place.0, &place.1))).await?
    };
    match outcome {
        Outcome::Begun | Outcome::Waits => visitor.go("/anmelden/freigabe"),
        Outcome::Finished(token, codes) => {
            metrics::counter!("nutzerkonto_signins_total", "result" => "begun").increment(1);
            let (f, onwards) = (visitor.frame(), partial::to_second_factor(&visitor));
            let page = visitor.page(&DonePage { f, codes, onwards, has_passkey: false })?;
            visitor.with_session(page, &token, &device)
        }
        Outcome::Locked(account) => locked(&visitor, &account).await,
        Outcome::Gone => visitor.go("/anmelden"),
        Outcome::Wrong(problem) => {
            let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
            match code_page(&visitor, &device, problems).await? {
                Some(page) => visitor.page_again(&page),
                None => visitor.go("/anmelden/freigabe"),
            }
        }
    }
}

/// By somebody who has given the password: it can only make the account safer.
pub async fn cancel(visitor: Visitor, device: CallerDevice, _form: Form) -> Answer {
    let Some(Waiting { partial, .. }) = waiting(&visitor, &device).await? else {
        return visitor.go("/anmelden");
    };
    let mut work = visitor.app.begin(Actor::Account(partial.account.clone())).await?;
    work.request = Some(visitor.request_id.clone());
    ending::cancel(&visitor.app, &mut work, &partial.account, Why::Person).await?;
    work.commit().await?;
    visitor.go("/wieder-anmelden/abgebrochen")
}

pub async fn cancel_signed_in(caller: SignedIn, _form: Form) -> Answer {
    let mut work = caller.begin().await?;
    ending::cancel(&caller.visitor.app, &mut work, &caller.session.account_id, Why::Person).await?;
    work.commit().await?;
    caller.visitor.leave("/sicherheit?erledigt=freigabe")
}

#[derive(Template)]
#[template(path = "recovery/cancel.html")]
struct CancelPage {
    f: Frame,
    /// What would happen otherwise.
    what: String,
    link: String,
}

#[derive(Template)]
#[template(path = "recovery/none.html")]
struct NonePage {
    f: Frame,
}

/// Whoever follows the link in a mail. Programs that look at mails follow it, too: it changes nothing.
pub async fn show_link(visitor: Visitor, link: web::Path<String>) -> Answer {
    let (mut tx, now, f) = (visitor.app.read().await?, visitor.app.now(), visitor.frame());
    let what = if let Some(recovery) = ending::find(&mut tx, &link, now).await? {
        let at = moment::date_and_clock(visitor.language, recovery.release_at());
        f.t.recovery.cancel_what.with("release", at)
    } else if release::find_by_link(&mut tx, &link, now).await?.is_some() {
        f.t.recovery.cancel_what_desk.clone()
    } else {
        return visitor.page(&NonePage { f });
    };
    visitor.page(&CancelPage { f, what: what.to_string(), link: link.into_inner() })
}

pub async fn submit_link(visitor: Visitor, link: web::Path<String>, _form: Form) -> Answer {
    match ending::by_link(&visitor.app, &link, &visitor.request_id).await {
        Ok(()) => visitor.leave("/wieder-anmelden/abgebrochen"),
        Err(Error::Gone) => visitor.page(&NonePage { f: visitor.frame() }),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "recovery/cancelled.html")]
struct CancelledPage {
    f: Frame,
}

pub async fn cancelled(visitor: Visitor) -> Answer {
    visitor.page(&CancelledPage { f: visitor.frame() })
}
