//! What a level is to people: why one is needed, what they have, and how they get there.

use actix_web::HttpResponse;
use askama::Template;

use super::{Means, Need, Policy, Way, ends_at, remaining, ways};
use crate::account::evidence::{self, Evidence};
use crate::account::{Account, Group, Source};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{DocumentId, MessageId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::texts::{Language, Text, Texts, moment};
use crate::kernel::time::Timestamp;
use crate::oidc::authorize::{self, Said};
use crate::organisation::mandate::guardian::{self, Side};
use crate::postbox;
use crate::proofing::{self, ways::ProofWay};
use crate::safe;
use crate::signin::linked::{self, Linked};
use crate::signin::means;
use crate::signin::session::Session;
use crate::web::aim::{Aim, Wanted};
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, calendar_date, level_name};

type Answer = Result<HttpResponse, Error>;

/// A kind of means as people call it.
fn kind_name(t: &Texts, kind: MeansKind) -> &Text {
    let t = &t.levels;
    match kind {
        MeansKind::Password => &t.password,
        MeansKind::AppCode => &t.app_code,
        MeansKind::DeviceCode => &t.device_code,
        MeansKind::SynchronisedPasskey => &t.synchronised_passkey,
        MeansKind::DevicePasskey => &t.device_passkey,
        MeansKind::AttestedPasskey => &t.attested_passkey,
        MeansKind::Eid => &t.eid,
        MeansKind::LinkedAccount => &t.linked_account,
    }
}

/// What a level means, in one line.
fn meaning(t: &Texts, level: Level) -> &Text {
    let t = &t.levels;
    match level {
        Level::Basic => &t.basic_means,
        Level::Low => &t.low_means,
        Level::Substantial => &t.substantial_means,
        Level::High => &t.high_means,
    }
}

/// A way to a level, as a link.
struct WayRow {
    id: &'static str,
    path: &'static str,
    name: String,
    /// What it takes, and how long.
    takes: String,
}

/// Whether all cards that somebody has connected are blocked: what is said of cards to others would mislead them.
fn has_only_blocked_cards(known: &[Means]) -> bool {
    let mut cards = known.iter().filter(|one| one.kind == MeansKind::Eid).peekable();
    cards.peek().is_some() && cards.all(|one| one.blocked_at.is_some())
}

impl WayRow {
    fn new(t: &Texts, way: &Way, known: &[Means]) -> Self {
        let l = &t.levels;
        let (id, path, name, takes) = match way {
            Way::Use(MeansKind::SynchronisedPasskey | MeansKind::DevicePasskey | MeansKind::AttestedPasskey) => {
                ("mit-passkey", "/anmelden/passkey", &l.use_passkey, &l.use_passkey_takes)
            }
            Way::Use(MeansKind::AppCode) => ("mit-app", "/anmelden", &l.use_app_code, &l.use_code_takes),
            Way::Use(MeansKind::DeviceCode) => ("mit-geraet", "/anmelden", &l.use_device_code, &l.use_code_takes),
            Way::Use(MeansKind::LinkedAccount) => {
                ("mit-konto", "/anmelden/konto", &l.use_linked_account, &l.use_linked_account_takes)
            }
            Way::Use(MeansKind::Eid) => ("mit-ausweis", "/ausweis", &t.eid.sign_in, &t.eid.sign_in_takes),
            Way::Register(MeansKind::Eid) if has_only_blocked_cards(known) => {
                ("mit-ausweis", "/ausweis", &t.eid.prove_other, &t.eid.prove_other_takes)
            }
            Way::Register(MeansKind::Eid) => ("mit-ausweis", "/ausweis", &t.eid.prove, &t.eid.prove_takes),
            Way::Use(MeansKind::Password) => ("mit-passwort", "/anmelden", &l.use_password, &l.use_password_takes),
            Way::Register(MeansKind::AppCode | MeansKind::DeviceCode) => {
                ("app-einrichten", "/sicherheit/app/neu", &l.register_app, &l.register_app_takes)
            }
            Way::Register(_) => {
                ("passkey-einrichten", "/sicherheit/passkeys/neu", &l.register_passkey, &l.register_passkey_takes)
            }
        };
        Self { id, path, name: name.to_string(), takes: takes.to_string() }
    }
}

#[derive(Template)]
#[template(path = "assurance/level.html")]
struct LevelPage {
    f: Frame,
    service: String,
    needed: String,
    meaning: String,
    /// Why the service wants it, in its own words.
    reason: Option<String>,
    have: String,
    /// Since when, and with what.
    have_since: String,
    ways: Vec<WayRow>,
    /// It is not known well enough who the person is.
    lacks_identity: bool,
    /// It can be made better known, and here is where.
    proves: bool,
    /// The service would like it, but goes on without.
    is_wish: bool,
}

#[derive(Template)]
#[template(path = "assurance/own_level.html")]
struct OwnLevelPage {
    f: Frame,
    /// The page of ours that wants the level, and why.
    page: String,
    reason: String,
    needed: String,
    meaning: String,
    have: String,
    have_since: String,
    ways: Vec<WayRow>,
    by_passkey: bool,
    lacks_identity: bool,
}

/// Each way once.
fn way_rows(t: &Texts, ways: &[Way], known: &[Means]) -> Vec<WayRow> {
    let mut rows: Vec<WayRow> = Vec::new();
    for row in ways.iter().map(|way| WayRow::new(t, way, known)) {
        if !rows.iter().any(|known| known.id == row.id) {
            rows.push(row);
        }
    }
    rows
}

/// What a page of ours wants. A notice says itself what it needs, and so does a document.
async fn wanted(visitor: &Visitor, aim: Aim, page: &str) -> Result<Option<Wanted>, Error> {
    let level = match (aim, visitor.present()) {
        (Aim::Postbox, Some(present)) => {
            let id = page.strip_prefix("/postfach/").and_then(MessageId::parse);
            postbox::reader::needed(&visitor.app, present, id.as_ref()).await?
        }
        (Aim::Safe, Some(present)) => {
            let id = page.strip_prefix("/safe/").and_then(DocumentId::parse);
            safe::keeper::needed(&visitor.app, present, id.as_ref()).await?
        }
        _ => return Ok(aim.wanted()),
    };
    Ok(Some(Wanted { level, by_passkey: false }))
}

/// Where a page of ours wants more than a session has. Whoever has enough goes on to it.
async fn own_level(visitor: &Visitor, aim: Aim) -> Answer {
    let Some(session) = &visitor.session else {
        return visitor.leave(&format!("/anmelden{}", visitor.aim_query()));
    };
    let (app, now) = (&visitor.app, visitor.app.now());
    let page = visitor.page_to_repeat().unwrap_or(aim.path());
    let Some(wanted) = wanted(visitor, aim, page).await? else { return visitor.leave(page) };
    if session.level(now) >= wanted.level && (session.has_used_passkey() || !wanted.by_passkey) {
        return visitor.leave(page);
    }
    let known = means::list(&mut app.read().await?, &session.account_id).await?;
    let standing = (session.identity, session.strength(now));
    let (mut ways, lacks_identity) = match ways(Policy::of(&app.config), &known, standing, wanted.level, now) {
        Need::Identity => (Vec::new(), true),
        Need::Means(ways) => (ways, false),
    };
    let is_passkey = |kind| matches!(kind, MeansKind::DevicePasskey | MeansKind::SynchronisedPasskey);
    ways.retain(|(Way::Use(kind) | Way::Register(kind))| !wanted.by_passkey || is_passkey(*kind));
    let f = visitor.frame();
    let (page, reason) = aim.words(f.t);
    visitor.page(&OwnLevelPage {
        page: page.to_string(),
        reason: reason.to_string(),
        needed: level_name(f.t, wanted.level),
        meaning: meaning(f.t, wanted.level).to_string(),
        have: level_name(f.t, session.level(now)),
        have_since: moment::date_and_clock(visitor.language, session.authenticated_at),
        ways: way_rows(f.t, &ways, &known),
        by_passkey: wanted.by_passkey,
        lacks_identity,
        f,
    })
}

/// The one page where a level is missing: for a service, or for a page of ours.
pub async fn level(visitor: Visitor) -> Answer {
    let aim = visitor.aim().or_else(|| visitor.page_to_repeat().and_then(Aim::of_path));
    if let (None, Some(aim)) = (&visitor.pending, aim) {
        return own_level(&visitor, aim).await;
    }
    let (Some(pending), Some(session)) = (&visitor.pending, &visitor.session) else { return Err(Error::Gone) };
    let (app, language, now) = (&visitor.app, visitor.language, visitor.app.now());
    let (f, client) = (visitor.frame(), &pending.client);
    let level = session.level(now);
    let present = visitor.present();
    let least =
        present.map_or(pending.request.level, |present| authorize::least_level(client, &pending.request, present));
    let is_wish = level >= least;
    let needed = pending.request.wished_level.filter(|_| is_wish).unwrap_or(least);
    let known = means::list(&mut app.read().await?, &session.account_id).await?;
    let need = ways(Policy::of(&app.config), &known, (session.identity, session.strength(now)), needed, now);
    let reason = client.level_reason.as_ref().filter(|_| client.level >= needed);
    let (ways, lacks_identity) = match need {
        Need::Identity => (Vec::new(), true),
        Need::Means(ways) => (ways, false),
    };
    let page = LevelPage {
        service: client.title(language),
        needed: level_name(f.t, needed),
        meaning: meaning(f.t, needed).to_string(),
        reason: reason.map(|reason| reason.get(language).to_owned()),
        have: level_name(f.t, level),
        have_since: moment::date_and_clock(language, session.authenticated_at),
        ways: way_rows(f.t, &ways, &known),
        lacks_identity,
        proves: session.identity < needed,
        is_wish,
        f,
    };
    visitor.page(&page)
}

/// Goes on with what there is, where that is enough.
pub async fn decline(visitor: Visitor, _form: Form) -> Answer {
    let (Some(pending), Some(session)) = (&visitor.pending, &visitor.session) else { return Err(Error::Gone) };
    authorize::say(&visitor.app, pending, session, &visitor.browser_hash(), Said::LowerLevel).await?;
    visitor.go("/weiter")
}

/// One means and what it gives.
struct MeansRow {
    name: String,
    level: String,
    since: String,
    /// Since when it signs nobody in.
    blocked: Option<String>,
}

/// A legal guardian, seen from one side.
struct GuardianRow {
    who: String,
    told: String,
    /// The mandate that says what may be done.
    mandate: Option<String>,
}

impl GuardianRow {
    fn new(side: &Side, language: Language) -> Self {
        let (t, order) = (language.texts(), &side.appointment);
        let g = &t.guardian;
        let who = if side.is_guardian { &g.you_represent } else { &g.represents_you };
        let scopes: Vec<&str> = order.scopes.iter().map(|scope| scope.words(t).as_str()).collect();
        let until = calendar_date(language, &order.until).unwrap_or_else(|| order.until.clone());
        let told = g.told.with("court", &order.court).with("file", &order.file_number);
        let told = told.with("scopes", scopes.join(", ")).with("until", until).with("office", &side.office);
        Self {
            who: who.with("name", &side.other).to_string(),
            told: told.to_string(),
            mandate: side.mandate.as_ref().map(ToString::to_string),
        }
    }
}

/// A way to prove who one is, with what people have to know before.
struct ProofWayRow {
    id: &'static str,
    path: &'static str,
    name: String,
    gives: String,
    takes: String,
    bring: String,
}

impl ProofWayRow {
    fn new(t: &Texts, way: ProofWay, known: &[Means]) -> Self {
        let mut words = way.words(t);
        if way == ProofWay::Eid && has_only_blocked_cards(known) {
            (words.name, words.bring) = (&t.eid.way_other, &t.eid.prove_other_takes);
        }
        let [name, gives, takes, bring] = [words.name, words.gives, words.takes, words.bring].map(Text::to_string);
        Self { id: way.id(), path: way.path(), name, gives, takes, bring }
    }
}

/// What is known of the person, and who has checked it.
struct EvidenceRow {
    label: String,
    told: String,
}

/// One thing that somebody has proven with who they are.
struct ProofRow {
    document: String,
    told: String,
    valid: Option<String>,
    by: Option<String>,
}

#[derive(Template)]
#[template(path = "assurance/identity.html")]
struct IdentityPage {
    f: Frame,
    identity: String,
    identity_means: String,
    evidence: Vec<EvidenceRow>,
    proofs: Vec<ProofRow>,
    proof_ways: Vec<ProofWayRow>,
    guardians: Vec<GuardianRow>,
    means: Vec<MeansRow>,
    now_level: String,
    now_until: String,
    /// What is left after that.
    then: Option<String>,
    /// The most that this account can reach.
    reachable: String,
    can_do_more: bool,
}

pub async fn identity(caller: SignedIn) -> Answer {
    let (account, visitor) = (caller.account().await?, &caller.visitor);
    let (app, session, language, now) = (&visitor.app, &caller.session, visitor.language, visitor.app.now());
    let mut tx = app.read().await?;
    let known = means::list(&mut tx, &session.account_id).await?;
    let links = linked::list(&mut tx, &session.account_id).await?;
    let reachable = means::reachable(&mut tx, &app.config, session, now).await?;
    let proofs = evidence::list(&mut tx, &app.vault, &session.account_id).await?;
    let proof_ways = proofing::ways::fitting(&mut tx, app).await?;
    let guardians = guardian::of(&mut tx, app, &session.account_id, now).await?;
    drop(tx);
    let (f, level) = (visitor.frame(), session.level(now));
    let (until, then) = standing(session, now);
    let page = IdentityPage {
        identity: level_name(f.t, session.identity),
        identity_means: meaning(f.t, session.identity).to_string(),
        evidence: attributes(&account, language),
        proofs: proofs.iter().map(|one| proof(one, language)).collect(),
        guardians: guardians.iter().map(|side| GuardianRow::new(side, language)).collect(),
        proof_ways: proof_ways.into_iter().map(|way| ProofWayRow::new(f.t, way, &known)).collect(),
        means: known.iter().map(|one| means_row(app, (one, &links), language)).collect(),
        now_level: level_name(f.t, level),
        now_until: moment::date_and_clock(language, until),
        then: then.map(|level| level_name(f.t, level)),
        can_do_more: reachable < Level::High,
        reachable: level_name(f.t, reachable),
        f,
    };
    visitor.page(&page)
}

/// Until when the level of a session holds if nothing happens, and what comes then; none if the session ends.
fn standing(session: &Session, now: Timestamp) -> (Timestamp, Option<Level>) {
    let level = session.level(now);
    let mut until = ends_at(level.max(Level::Low), session.authenticated_at, session.last_seen_at);
    until = until.min(session.ends_at());
    // Its strength may step down without its level.
    let left = remaining(session.proven, session.authenticated_at, session.last_seen_at, until);
    (until, left.filter(|_| session.ends_at() > until).map(|left| left.min(session.identity)))
}

fn told(language: Language, source: Source, at: Timestamp, level: Level) -> String {
    let t = language.texts();
    let told = t.profile.provenance.with("source", source.label(t)).with("date", moment::date(language, at));
    told.with("level", level_name(t, level)).to_string()
}

fn proof(one: &Evidence, language: Language) -> ProofRow {
    let (t, document) = (language.texts(), one.record.document.as_ref());
    let kind = document.map_or(&t.levels.proof_without_document, |document| document.kind.label(t));
    let expires = document.and_then(|document| calendar_date(language, document.expires_on.as_deref()?));
    let by = one.record.checked_by.as_ref();
    ProofRow {
        document: kind.to_string(),
        told: told(language, one.source, one.shown_at, one.level),
        valid: expires.map(|date| t.levels.proof_valid.with("date", date).to_string()),
        by: by.map(|name| t.levels.proof_by.with("name", name).to_string()),
    }
}

fn attributes(account: &Account, language: Language) -> Vec<EvidenceRow> {
    let t = language.texts();
    let identity = account.attributes.iter().filter(|(name, _)| name.group() == Group::Identity);
    let row = |(name, one): (&crate::account::AttributeName, &crate::account::Attribute)| EvidenceRow {
        label: name.label(t).to_string(),
        told: told(language, one.source, one.recorded_at, one.level),
    };
    identity.map(row).collect()
}

/// One means; of a linked account its provider is named.
fn means_row(app: &AppParts, (one, links): (&Means, &[Linked]), language: Language) -> MeansRow {
    let t = language.texts();
    let (kind, level) = (kind_name(t, one.kind), Policy::of(&app.config).level(one, app.now()));
    let link = links.iter().find(|link| Some(&link.id) == one.id.as_ref());
    let name = link.map(|link| app.config.provider_name(&link.provider, language));
    MeansRow {
        name: name.map_or_else(|| kind.to_string(), |name| format!("{kind}: {name}")),
        level: level_name(t, level),
        since: moment::date(language, one.created_at),
        blocked: one.blocked_at.map(|at| moment::date_and_clock(language, at)),
    }
}
