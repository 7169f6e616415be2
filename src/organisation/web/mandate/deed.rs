//! The deed: a mandate on paper, as PDF.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use super::{Answer, At, mandate_of};
use crate::kernel::error::Error;
use crate::kernel::texts::{Text, moment};
use crate::organisation::mandate::lists::{self, Shown};
use crate::organisation::mandate::{Origin, guardian};
use crate::proofing::letter::page::draw_text;

pub async fn show(at: At, request: HttpRequest) -> Answer {
    at.look()?;
    let id = mandate_of(&request)?;
    let visitor = &at.caller.visitor;
    let (app, words, language) = (&visitor.app, at.words(), visitor.language);
    let Shown { mandate, principal, agent, passed_on_by } =
        lists::look(&mut app.read().await?, app, &at.party(), &id).await?;
    // There is no deed of what nobody has accepted.
    let (Some(_), Some(principal), Some(agent)) = (&mandate.accepted, principal, agent) else {
        return Err(Error::NotFound);
    };
    let t = words.texts();
    let line = |label: &Text, value: &str| format!("{label}: {value}");
    let mut lines =
        vec![line(&t.deed_number, mandate.id.as_str()), line(&t.principal, &principal), line(&t.agent, &agent)];
    if mandate.origin == Origin::Guardian {
        lines.push(t.by_court.to_string());
        let order = guardian::of_mandate(&mut app.read().await?, app, &at.party(), &id).await?;
        lines.extend(order.map(|order| words.order(&order)));
    }
    lines.extend(passed_on_by.map(|by| t.passed_on_by.with("party", by).to_string()));
    lines.extend([
        line(&t.actions, &words.actions(&mandate.terms.scope)),
        line(&t.services, &words.services(&mandate.terms.scope).join("; ")),
        line(&t.from, &words.from(&mandate.terms)),
        line(&t.until, &words.until(&mandate.terms)),
        if mandate.terms.may_pass_on { t.may_pass_on_yes.to_string() } else { t.may_pass_on_no.to_string() },
        line(&t.state, &words.standing(&mandate)),
        t.deed_printed.with("time", moment::date_and_clock(language, app.now())).to_string(),
        t.deed_counts.with("issuer", &app.config.issuer).to_string(),
    ]);
    let file = draw_text(language, (&app.config.operator.name, t.deed.as_str()), &lines)?;
    Ok(HttpResponse::Ok()
        .content_type("application/pdf")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"vollmacht-{id}.pdf\"")))
        .body(file))
}
