//! An organisation as its members see it: what it is, how that is known, and what is left to do.

use askama::Template;

use super::rows::{self, Row};
use super::{Answer, AtOrganisation};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::level::Level;
use crate::kernel::texts::{Language, moment};
use crate::organisation::desk::{self, paper};
use crate::organisation::evidence::{self, Evidence, Source};
use crate::organisation::member::{Member, Right};
use crate::organisation::{self, Organisation, State, company_register};
use crate::organisation::{elsewhere, letter};
use crate::proofing::office;
use crate::web::page::{Frame, ProviderButton, level_name};

/// What is left to do, as a link.
struct Task {
    id: &'static str,
    path: String,
    text: String,
}

#[derive(Template)]
#[template(path = "organisation/overview.html")]
struct OverviewPage {
    f: Frame,
    id: String,
    name: String,
    level: String,
    state: State,
    state_since: String,
    erase_at: String,
    rows: Vec<Row>,
    tasks: Vec<Task>,
    /// The way to an office.
    desk: Option<Task>,
    /// „Noch 2 Schritte“.
    left: String,
    /// Whether an account elsewhere may show it as well.
    asks_elsewhere: bool,
    /// What has shown it and counts no more.
    fallen: bool,
    /// The register does not name the one who had it asked.
    unnamed: bool,
    represents: bool,
    /// Whether members, areas and the protocol are theirs to see, and the services.
    looks: bool,
    administrates: bool,
    keeps: bool,
    done: &'static str,
}

fn counts(evidence: &[Evidence], source: Source) -> bool {
    evidence.iter().any(|one| one.source == source && one.void_at.is_none())
}

async fn tasks(app: &AppParts, member: &Member, evidence: &[Evidence], language: Language) -> Result<Vec<Task>, Error> {
    let (organisation, t) = (&member.organisation, &language.texts().organisation);
    let mut tasks = Vec::new();
    let base = format!("/organisation/{}", organisation.id);
    // Either of them shows all of it.
    let is_whole = |one: &Evidence| !one.shown.lacks_entry && one.by >= Level::Substantial;
    let has_desk = counts(evidence, Source::RegistrationDesk) || elsewhere::current(evidence).is_some_and(is_whole);
    let stands = organisation.record.register.is_some() && company_register::is_offered(app);
    if stands && !has_desk && !counts(evidence, Source::Register) {
        tasks.push(Task { id: "abgleichen", path: format!("{base}/register"), text: t.task_register.to_string() });
    }
    let of_letter = evidence.iter().find(|one| one.source == Source::Letter && one.void_at.is_none());
    let seat = letter::seat(member, evidence);
    let has_letter = of_letter.is_some_and(|one| one.shown.address.as_ref().is_none_or(|known| known.is_same(seat)));
    if letter::is_offered(app) && !has_desk && !has_letter {
        let newest = letter::newest(&mut app.read().await?, &app.vault, &organisation.id).await?;
        let text = match newest.filter(|letter| letter.is_good(seat, app.now())) {
            Some(letter) => t.task_code.with("date", moment::date(language, letter.expires_at)).to_string(),
            None => t.task_letter.to_string(),
        };
        tasks.push(Task { id: "brief", path: format!("{base}/brief"), text });
    }
    Ok(tasks)
}

/// The way that shows everything at once, as long as something is missing.
async fn desk_way(app: &AppParts, organisation: &Organisation, language: Language) -> Result<Option<Task>, Error> {
    let mut tx = app.read().await?;
    let is_open = organisation.level < Level::Substantial && paper::wanted(&organisation.record).is_some();
    if !is_open || !office::is_any(&mut tx).await? {
        return Ok(None);
    }
    let t = &language.texts().organisation;
    let case = desk::case_of(&mut tx, app, &organisation.id).await?;
    let text = match case.filter(|case| case.is_good(app.now())) {
        Some(case) => t.task_desk_code.with("date", moment::date(language, case.expires_at)).to_string(),
        None => t.task_desk.to_string(),
    };
    Ok(Some(Task { id: "vor-ort", path: format!("/organisation/{}/vor-ort", organisation.id), text }))
}

pub async fn show(at: AtOrganisation) -> Answer {
    let (visitor, member) = (&at.caller.visitor, &at.member);
    let (app, organisation, language) = (&visitor.app, &member.organisation, visitor.language);
    let mut tx = app.read().await?;
    let evidence = evidence::list(&mut tx, &app.vault, &organisation.id).await?;
    let facts = organisation::facts(&mut tx, &organisation.id, app.now()).await?;
    drop(tx);
    let represents = member.may(&Right::Representation);
    let tasks = if represents { tasks(app, member, &evidence, language).await? } else { Vec::new() };
    let desk = if represents { desk_way(app, organisation, language).await? } else { None };
    let f = visitor.frame();
    let t = &f.t.organisation;
    let left = match tasks.len() {
        0 => String::new(),
        1 => t.tasks_one.to_string(),
        count => t.tasks_many.with("count", count).to_string(),
    };
    let of_register = evidence.iter().find(|one| one.source == Source::Register && one.void_at.is_none());
    let date = |at| moment::date(language, at);
    visitor.page(&OverviewPage {
        id: organisation.id.to_string(),
        name: organisation.record.name.clone(),
        level: level_name(f.t, evidence::level_through(member)),
        state: organisation.state,
        state_since: date(organisation.state_since),
        erase_at: organisation.erase_at.map(date).unwrap_or_default(),
        rows: rows::of_organisation(language, &organisation.record, &evidence, facts.stated_at),
        left,
        fallen: tasks.iter().any(|task| task.id == "abgleichen") && evidence.iter().any(|one| one.void_at.is_some()),
        unnamed: represents && of_register.is_some_and(|one| !one.shown.names_representative),
        asks_elsewhere: represents
            && organisation.level < Level::Substantial
            && !ProviderButton::of_organisations(app, language).is_empty(),
        tasks,
        desk,
        represents,
        looks: member.may_look(),
        administrates: member.may_administrate(),
        keeps: organisation.state == State::Closing && member.holds(&Right::Representation),
        done: done(visitor.query()),
        f,
    })
}

/// What has just been done.
fn done(query: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["angelegt", "register", "insolvent", "brief", "konto", "daten", "behalten"];
    let said = query.strip_prefix("erledigt=").unwrap_or_default();
    KNOWN.into_iter().find(|known| *known == said).unwrap_or_default()
}
