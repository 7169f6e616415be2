//! The pages of somebody who has lost everything: proving more than a mail, waiting, and a passkey as the new means. The password is
//! chosen on the page of the [reset](super::reset).

use askama::Template;

use super::Answer;
use super::partial::{attempt, to_second_factor};
use super::passkey::problem_of_browser;
use super::recovery::DonePage;
use super::reset::standing;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::moment;
use crate::signin::passkey::first::Signed;
use crate::signin::recovery::new_means::{self, Ended, Standing, Tried};
use crate::signin::recovery::{self, Recovery};
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "recovery/prove.html")]
struct ProvePage {
    f: Frame,
    days: u64,
    /// When the account is released and until when, if somebody waits.
    waits: Option<(String, String)>,
    problems: Problems,
}

fn prove_page(visitor: &Visitor, recovery: Option<Recovery>, problems: Problems) -> ProvePage {
    let at = |when| moment::date_and_clock(visitor.language, when);
    let waits = recovery.map(|one| (at(one.release_at()), at(one.expires_at())));
    ProvePage { f: visitor.frame(), days: recovery::waiting_days(visitor.app.now()), waits, problems }
}

pub async fn prove(visitor: Visitor) -> Answer {
    match standing(&visitor).await? {
        None => visitor.go("/wieder-anmelden/code"),
        Some((_, Standing::Unproven(recovery))) => visitor.page(&prove_page(&visitor, recovery, Problems::none())),
        Some(_) => visitor.go("/wieder-anmelden/passwort"),
    }
}

pub async fn submit_code(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let (typed, place) = (form.get("code"), (visitor.browser_hash(), visitor.network()));
    let tried = if typed.trim().is_empty() {
        Tried::Wrong("recovery_code_missing")
    } else {
        let one = attempt(&visitor, &device, typed, (&place.0, &place.1));
        new_means::with_recovery_code(&visitor.app, &one).await?
    };
    match (tried, standing(&visitor).await?) {
        (Tried::Wrong(problem), Some((_, Standing::Unproven(recovery)))) => {
            let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
            visitor.page_again(&prove_page(&visitor, recovery, problems))
        }
        (Tried::Proven, _) => visitor.go("/wieder-anmelden/passwort"),
        (Tried::Wrong(_), _) => Err(Error::Conflict("reset_step")),
    }
}

pub async fn wait(visitor: Visitor, device: CallerDevice, _form: Form) -> Answer {
    let place = (visitor.browser_hash(), visitor.network());
    new_means::wait(&visitor.app, &attempt(&visitor, &device, "", (&place.0, &place.1))).await?;
    visitor.go("/wieder-anmelden/nachweis")
}

#[derive(Template)]
#[template(path = "recovery/passkey.html")]
struct PasskeyPage {
    f: Frame,
    options: String,
    ceremony: String,
    problems: Problems,
}

async fn passkey_page(visitor: &Visitor, problems: Problems) -> Result<PasskeyPage, Error> {
    let begun = new_means::begin_passkey(&visitor.app, &visitor.browser_hash()).await?;
    Ok(PasskeyPage { f: visitor.frame(), options: begun.options.to_string(), ceremony: begun.ceremony, problems })
}

pub async fn passkey(visitor: Visitor) -> Answer {
    match standing(&visitor).await? {
        Some((_, Standing::Proven(..))) => {
            visitor.with_script(visitor.page(&passkey_page(&visitor, Problems::none()).await?)?)
        }
        _ => visitor.go("/wieder-anmelden/nachweis"),
    }
}

pub async fn submit_passkey(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let place = (visitor.browser_hash(), visitor.network());
    let problem = match problem_of_browser(&form) {
        Some(problem) => problem,
        None => {
            let one = attempt(&visitor, &device, "", (&place.0, &place.1));
            let answer = (form.get("aufgabe"), form.get("antwort"));
            match new_means::make_passkey(&visitor.app, &one, visitor.language, answer).await? {
                Ok(()) => return visitor.go("/wieder-anmelden/probieren"),
                Err(why) => why.problem(),
            }
        }
    };
    let problems = visitor.problems(&[FieldProblem { field: "passkey", problem }]);
    visitor.with_script(visitor.page_again(&passkey_page(&visitor, problems).await?)?)
}

#[derive(Template)]
#[template(path = "recovery/probe.html")]
struct ProbePage {
    f: Frame,
    problems: Problems,
}

pub async fn probe(visitor: Visitor) -> Answer {
    match standing(&visitor).await? {
        Some((reset, Standing::Proven(..))) if reset.has_passkey() => {
            visitor.with_script(visitor.page(&ProbePage { f: visitor.frame(), problems: Problems::none() })?)
        }
        _ => visitor.go("/wieder-anmelden/passkey"),
    }
}

pub async fn submit_probe(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let (browser, network) = (visitor.browser_hash(), visitor.network());
    let problem = match problem_of_browser(&form) {
        Some(problem) => problem,
        None => {
            let one = attempt(&visitor, &device, "", (&browser, &network));
            let (ceremony, answer) = (form.get("aufgabe"), form.get("antwort"));
            let signed = Signed { browser: &browser, network: &network, ceremony, answer };
            match new_means::use_passkey(&visitor.app, &one, signed).await? {
                Some(result) => return ended(&visitor, &device, result, true),
                None => "passkey_failed",
            }
        }
    };
    let problems = visitor.problems(&[FieldProblem { field: "passkey", problem }]);
    visitor.with_script(visitor.page_again(&ProbePage { f: visitor.frame(), problems })?)
}

/// Back in the account: the new recovery codes, once.
pub(super) fn ended(visitor: &Visitor, device: &CallerDevice, (token, codes): Ended, has_passkey: bool) -> Answer {
    metrics::counter!("nutzerkonto_signins_total", "result" => "begun").increment(1);
    let onwards = if has_passkey {
        format!("/sicherheit/passkeys/neu{}", visitor.flow_query())
    } else {
        to_second_factor(visitor)
    };
    let page = visitor.page(&DonePage { f: visitor.frame(), codes, onwards, has_passkey })?;
    visitor.with_session(page, &token, device)
}
