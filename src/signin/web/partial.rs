//! The pages of a sign-in whose second factor is missing.

use askama::Template;

use super::{Answer, begun, locked};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::{Text, moment};
use crate::signin::partial::{self, Outcome, Partial, Try};
use crate::signin::recovery;
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "signin/code.html")]
struct CodePage {
    f: Frame,
    problems: Problems,
    /// What is told of a way back that is under way.
    recovery: Option<Text>,
}

#[derive(Template)]
#[template(path = "signin/recovery.html")]
struct RecoveryPage {
    f: Frame,
    problems: Problems,
}

/// The sign-in that waits in this browser.
pub(super) async fn waiting(visitor: &Visitor, device: &CallerDevice) -> Result<Option<Partial>, Error> {
    let mut tx = visitor.app.read().await?;
    partial::find(&mut tx, &visitor.browser_hash(), &device.0, visitor.app.now()).await
}

/// `None` if no sign-in waits in this browser.
async fn code_page(visitor: &Visitor, device: &CallerDevice, problems: Problems) -> Result<Option<CodePage>, Error> {
    let Some(partial) = waiting(visitor, device).await? else { return Ok(None) };
    let (f, now) = (visitor.frame(), visitor.app.now());
    let found = recovery::find(&mut visitor.app.read().await?, &partial.account, now).await?;
    let recovery = found.map(|one| {
        if one.is_released(now) {
            f.t.recovery.notice_open.clone()
        } else {
            f.t.recovery.notice_waits.with("release", moment::date_and_clock(visitor.language, one.release_at()))
        }
    });
    Ok(Some(CodePage { f, problems, recovery }))
}

pub async fn code(visitor: Visitor, device: CallerDevice) -> Answer {
    match code_page(&visitor, &device, Problems::none()).await? {
        Some(page) => visitor.page(&page),
        None => visitor.go("/anmelden"),
    }
}

pub async fn recovery(visitor: Visitor, device: CallerDevice) -> Answer {
    if waiting(&visitor, &device).await?.is_none() {
        return visitor.go("/anmelden");
    }
    visitor.page(&RecoveryPage { f: visitor.frame(), problems: Problems::none() })
}

pub(super) fn attempt<'a>(
    visitor: &'a Visitor,
    device: &'a CallerDevice,
    typed: &'a str,
    (browser, network): (&'a [u8], &'a crate::signin::attempts::Network),
) -> Try<'a> {
    Try { browser, typed, network, comer: visitor.comer(device) }
}

/// Where somebody goes who has lost a factor: not straight on, but to where another one is set up.
pub(super) fn to_second_factor(visitor: &Visitor) -> String {
    let flow = visitor.flow_query();
    let joint = if flow.is_empty() { '?' } else { '&' };
    format!("/sicherheit/app{flow}{joint}erledigt=wieder-da")
}

fn refused() {
    metrics::counter!("nutzerkonto_signins_total", "result" => "refused").increment(1);
}

pub async fn submit_code(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let (typed, place) = (form.get("code"), (visitor.browser_hash(), visitor.network()));
    let outcome = if typed.trim().is_empty() {
        Outcome::Wrong("app_code_missing")
    } else {
        partial::with_code(&visitor.app, attempt(&visitor, &device, typed, (&place.0, &place.1))).await?
    };
    match outcome {
        Outcome::Begun(token) => begun(&visitor, &token, &device),
        Outcome::Locked(account) => locked(&visitor, &account).await,
        Outcome::Gone => visitor.go("/anmelden"),
        Outcome::Wrong(problem) => {
            refused();
            let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
            match code_page(&visitor, &device, problems).await? {
                Some(page) => visitor.page_again(&page),
                None => visitor.go("/anmelden"),
            }
        }
    }
}

pub async fn submit_recovery(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let (typed, place) = (form.get("code"), (visitor.browser_hash(), visitor.network()));
    let outcome = if typed.trim().is_empty() {
        Outcome::Wrong("recovery_code_missing")
    } else {
        partial::with_recovery_code(&visitor.app, attempt(&visitor, &device, typed, (&place.0, &place.1))).await?
    };
    match outcome {
        Outcome::Begun(token) => {
            metrics::counter!("nutzerkonto_signins_total", "result" => "begun").increment(1);
            visitor.begin_session(&to_second_factor(&visitor), &token, &device)
        }
        Outcome::Locked(account) => locked(&visitor, &account).await,
        Outcome::Gone => visitor.go("/anmelden"),
        Outcome::Wrong(problem) => {
            refused();
            let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
            visitor.page_again(&RecoveryPage { f: visitor.frame(), problems })
        }
    }
}
