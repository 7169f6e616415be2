//! The page on which a person sees what a service gets, and answers.

use actix_web::HttpResponse;
use askama::Template;

use super::unchecked::Own;
use super::{Answer, follow};
use crate::account::Account;
use crate::client::{Claim, Client, Scope};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::id::OrganisationId;
use crate::kernel::level::Level;
use crate::kernel::texts::{Language, Text, moment};
use crate::oidc::consent::Side;
use crate::oidc::{authorize, consent, scopes_of};
use crate::organisation;
use crate::organisation::acting::Acting;
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, attribute_value, level_name};

/// One datum: what it is, and where it comes from.
struct Row {
    /// The name of its checkbox, if the person may leave it out.
    id: String,
    label: String,
    value: Option<String>,
    provenance: String,
    /// Only if it is another one than the service's.
    purpose: Option<String>,
    legal_basis: Option<String>,
}

impl Row {
    fn plain(label: &Text, value: Option<String>) -> Self {
        let (id, provenance) = (String::new(), String::new());
        Self { id, label: label.to_string(), value, provenance, purpose: None, legal_basis: None }
    }
}

#[derive(Template)]
#[template(path = "oidc/consent.html")]
struct ConsentPage {
    f: Frame,
    recipient: String,
    purpose: String,
    /// What the law lets the service have.
    lawful: Vec<Row>,
    /// What it cannot do without.
    needed: Vec<Row>,
    optional: Vec<Row>,
    privacy_uri: String,
    /// Of a service that has registered itself.
    own: Option<Own>,
    is_offline: bool,
    /// Whether the client asks for an address of the postbox.
    is_reference: bool,
    /// For whom they act.
    acting: Option<Represented>,
}

/// For whom somebody acts, and what of them goes to the service.
struct Represented {
    /// What the answer is for: another choice meanwhile, and it is not an answer any more.
    capacity: String,
    name: String,
    is_person: bool,
    rows: Vec<Row>,
    role: String,
}

impl ConsentPage {
    /// What ends it before its time.
    fn duration_end(&self) -> &'static Text {
        let t = self.f.t;
        match &self.acting {
            None => &t.consent.duration_end,
            Some(acting) if acting.is_person => &t.acting.consent_duration_person,
            Some(_) => &t.acting.consent_duration_end,
        }
    }

    /// Whether anything depends on what the person says. Where the law decides, the page does not pretend to ask.
    fn is_question(&self) -> bool {
        let decides = !(self.needed.is_empty() && self.optional.is_empty()) || self.is_offline || self.is_reference;
        self.lawful.is_empty() || self.acting.is_some() || decides
    }
}

pub async fn show(caller: SignedIn) -> Answer {
    let (account, visitor) = (caller.account().await?, &caller.visitor);
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    let (f, language, client) = (visitor.frame(), visitor.language, &pending.client);
    let present = visitor.present().ok_or(Error::NotSignedIn)?;
    let whose = authorize::whose(client, present);
    let claims = consent::questions(client, &pending.request, Side::of(&whose));
    let is_said = |claim: &Claim| consent::parts_instead(client, &claims, *claim).is_some();
    let (mut lawful, mut needed, mut optional) = (Vec::new(), Vec::new(), Vec::new());
    for claim in claims.iter().filter(|claim| !is_said(claim)) {
        let Some(rule) = client.rule(*claim) else { continue };
        let row = row(&account, client, *claim, language);
        match (&rule.legal_basis, rule.optional) {
            (Some(_), _) => lawful.push(row),
            (None, false) => needed.push(row),
            (None, true) => optional.push(row),
        }
    }
    let is_asked = |scope| scopes_of(&pending.request.scope).contains(&scope);
    let (is_offline, is_reference) = (is_asked(Scope::OfflineAccess), is_asked(Scope::PostboxReference));
    let (recipient, purpose) = (client.title(language), client.purpose.get(language).to_owned());
    let (privacy_uri, own) = (client.privacy_uri.clone(), Own::of(client));
    let acting = match present.acting.as_ref().filter(|_| whose.is_acting()) {
        Some(acting) => Some(represented(visitor, (client, &scopes_of(&pending.request.scope)), acting).await?),
        None => None,
    };
    visitor.page(&ConsentPage {
        f,
        recipient,
        purpose,
        lawful,
        needed,
        optional,
        privacy_uri,
        own,
        is_offline,
        is_reference,
        acting,
    })
}

/// What goes to the service of the person for whom somebody acts. The name alone is shown: more of them is not theirs to read here.
fn of_person(client: &Client, name: &str, language: Language) -> Vec<Row> {
    let t = language.texts();
    let value = |claim| if claim == Claim::Name { name.to_owned() } else { t.acting.consent_unseen.to_string() };
    let row = |claim: Claim| Row::plain(claim.label(t), Some(value(claim)));
    let claims: Vec<Claim> = consent::of_represented(client).collect();
    let is_said = |claim: &Claim| consent::parts_instead(client, &claims, *claim).is_some();
    claims.iter().filter(|claim| !is_said(claim)).map(|claim| row(*claim)).collect()
}

/// The same of an organisation.
async fn of_organisation(visitor: &Visitor, id: &OrganisationId) -> Result<Vec<Row>, Error> {
    let (t, app) = (visitor.language.texts(), &visitor.app);
    let organisation = organisation::load(&mut app.read().await?, &app.vault, id).await?;
    let record = &organisation.record;
    let register = record.register.as_ref().map(|entry| {
        let value = t.acting.consent_register_value.with("kind", entry.kind.name());
        value.with("number", &entry.number).with("court", &entry.court).to_string()
    });
    // As it is handed over: through nobody an organisation is known better than they are.
    let actor = visitor.session.as_ref().map_or(Level::Basic, |session| session.identity);
    let told = [
        (&t.acting.consent_name, format!("{}, {}", record.name, record.form.label(t))),
        (&t.acting.consent_register, register.unwrap_or_else(|| t.acting.consent_register_none.to_string())),
        (&t.acting.consent_seat, record.seat.clone()),
        (&t.acting.consent_level, level_name(t, organisation.level.min(actor))),
    ];
    Ok(told.into_iter().map(|(label, value)| Row::plain(label, Some(value))).collect())
}

async fn represented(
    visitor: &Visitor,
    (client, scopes): (&Client, &[Scope]),
    acting: &Acting,
) -> Result<Represented, Error> {
    let t = visitor.language.texts();
    let rows = match acting.power.party.organisation() {
        None => of_person(client, &acting.name, visitor.language),
        Some(id) if scopes.contains(&Scope::Organisation) => of_organisation(visitor, id).await?,
        Some(_) => Vec::new(),
    };
    Ok(Represented {
        capacity: acting.power.capacity.as_str().to_owned(),
        name: acting.name.clone(),
        is_person: acting.power.party.organisation().is_none(),
        rows,
        role: acting.power.role().label(t).to_string(),
    })
}

fn row(account: &Account, client: &Client, claim: Claim, language: Language) -> Row {
    let t = language.texts();
    let rule = client.rule(claim);
    let told = |source: &str, at| t.consent.provenance.with("source", source).with("date", at).to_string();
    let attributes = claim.attributes().iter().filter_map(|name| Some((*name, account.attributes.get(name)?)));
    let values: Vec<_> =
        attributes.clone().map(|(name, known)| attribute_value(language, name, &known.value)).collect();
    let newest = attributes.map(|(_, known)| known).max_by_key(|known| known.recorded_at);
    let (value, provenance) = match (claim, newest) {
        (Claim::Email, _) => {
            let confirmed = moment::date(language, account.email.confirmed_at);
            (Some(account.email.address.as_str().to_owned()), told(t.source.confirmed_by_code.as_str(), confirmed))
        }
        (Claim::Locale, _) => (Some(language_name(account.language).to_owned()), String::new()),
        (_, Some(known)) => {
            let joint = if claim == Claim::Address { ", " } else { " " };
            (Some(values.join(joint)), told(known.source.label(t).as_str(), moment::date(language, known.recorded_at)))
        }
        (_, None) => (None, String::new()),
    };
    let text = |text: &crate::client::Bilingual| text.get(language).to_owned();
    Row {
        id: checkbox(claim),
        label: claim.label(t).to_string(),
        value,
        provenance,
        purpose: rule.and_then(|rule| rule.purpose.as_ref()).map(text),
        legal_basis: rule.and_then(|rule| rule.legal_basis.as_ref()).map(text),
    }
}

/// Languages call themselves by their own names.
const fn language_name(language: Language) -> &'static str {
    match language {
        Language::De => "Deutsch",
        Language::En => "English",
    }
}

fn checkbox(claim: Claim) -> String {
    format!("daten-{}", claim.name())
}

pub async fn submit(caller: SignedIn, form: Form) -> Result<HttpResponse, Error> {
    let visitor = &caller.visitor;
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    if form.is("antwort", "ja") {
        let chosen = |claim: Claim| form.is(&checkbox(claim), "ja");
        let whose = authorize::whose(&pending.client, visitor.present().ok_or(Error::NotSignedIn)?);
        // Whoever has chosen otherwise meanwhile, in another window, has not answered for that.
        if form.get("fuer") == whose.columns().0.unwrap_or_default() {
            consent::give(&visitor.app, &pending.client, &pending.request, &whose, chosen).await?;
        }
        return visitor.go("/weiter");
    }
    let error = Protocol { code: "access_denied", description: "the person did not consent", detail: None };
    let decision = authorize::refuse(&visitor.app, &pending, &visitor.browser_hash(), &error).await?;
    follow(visitor, decision)
}
