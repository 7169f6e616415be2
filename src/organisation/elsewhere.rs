//! An account that an organisation has elsewhere with the administration (Mein Unternehmenskonto behind a gateway, another
//! Land), as evidence that it is the one that it says it is.
//!
//! **Nothing of it says who may represent the organisation.** Such an account names the organisation to which a certificate was
//! given, and the person who uses it; a clerk has one as well as a managing director, and nobody there has looked at a power. So
//! what comes from there is about the organisation. Whoever brings it represents the organisation here already, and the rights
//! of its members stay what they are.
//!
//! Who acts there has to be the person who asks here, by names and date of birth. Level substantial binds the organisation to
//! somebody who is known (Implementing Regulation (EU) 2015/1502, 2.1.4); were anybody's sign-in there enough, whoever borrows
//! or buys one would have shown somebody else's organisation as theirs. A provider that does not say who acts shows nothing.

use serde_json::{Map, Value};

use super::company_register::{self, Difference};
use super::event::{Happened, What};
use super::evidence::{self, AccountElsewhere, Evidence, Shown, Source};
use super::member::{Member, Right};
use super::record::{Address, Entry, LegalForm, RegisterKind};
use super::typed::{parse_court, parse_economic_id, parse_name, parse_number};
use super::{Record, begin};
use crate::account::further::{merge_blanks, parse_german_postal_code, parse_place, parse_street_address};
use crate::account::identity::folded;
use crate::account::{self, Account, AttributeName};
use crate::app::AppParts;
use crate::audit;
use crate::config::{OfOrganisation, Upstream};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::proofing::comparison;
use crate::proofing::upstream::{self, Answer, Provider, Returning, Told, Turned, Vouched, text};
use crate::store::work::{Actor, Work};

/// What came of it.
#[derive(Debug)]
pub enum Finished {
    /// The organisation is shown.
    Recorded(OrganisationId),
    Refused(OrganisationId, Refused),
    /// Nothing was said of an organisation; of which one, if it was a question of ours.
    Told(Option<OrganisationId>, Told),
}

/// Why nothing is shown by what was said.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not what the organisation says of itself.
    Differs(Vec<Differs>),
    /// It does not say, or not readably, all that has to be compared.
    Incomplete,
    /// Who acts there is not who asked.
    OtherPerson,
    /// It counts for another organisation. Told to nobody but whoever has just signed in there for this one.
    Taken,
    /// It is not known well enough there.
    TooWeak,
    /// The same account has shown more before.
    NotMore,
}

impl Refused {
    const fn why(&self) -> &'static str {
        match self {
            Self::Differs(_) => "differs",
            Self::Incomplete => "incomplete",
            Self::OtherPerson => "other_person",
            Self::Taken => "taken",
            Self::TooWeak => "too_weak",
            Self::NotMore => "not_more",
        }
    }
}

/// One thing that is said otherwise there.
#[derive(Debug, PartialEq, Eq)]
pub enum Differs {
    /// What the register would be compared by, too.
    Stated(Difference),
    /// As it is said there, as far as it is.
    Entry(String),
    EconomicId(String),
}

/// What is said of an organisation, read as strictly as what people type: it goes onto pages.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    name: String,
    form: Option<LegalForm>,
    seat: String,
    kind: Option<RegisterKind>,
    court: Option<String>,
    number: Option<String>,
    address: Option<Address>,
    economic_id: Option<String>,
}

/// A claim that may be missing, or empty, but not unreadable.
fn optional<T>(
    claims: &Map<String, Value>,
    path: Option<&String>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<Option<T>> {
    match path.and_then(|path| text(claims, path)).map(str::trim).filter(|text| !text.is_empty()) {
        None => Some(None),
        Some(text) => parse(text).map(Some),
    }
}

/// Our word for one of theirs; none for what they call otherwise than was agreed.
fn translated<'a>(words: &'a std::collections::BTreeMap<String, String>, text: &'a str) -> Option<&'a str> {
    if words.is_empty() { Some(text) } else { words.get(text).map(String::as_str) }
}

impl Said {
    fn read(of: &OfOrganisation, claims: &Map<String, Value>) -> Option<Self> {
        let kind = optional(claims, of.register_kind.as_ref(), |text| {
            RegisterKind::from_name(translated(&of.register_kinds, text)?)
        })?;
        // Without its kind a number is digits and letters.
        let any = kind.unwrap_or(RegisterKind::Hrb);
        let street = optional(claims, of.street.as_ref(), parse_street_address)?;
        let postal_code = optional(claims, of.postal_code.as_ref(), parse_german_postal_code)?;
        let locality = optional(claims, of.locality.as_ref(), parse_place)?;
        let address = street.zip(postal_code).zip(locality);
        let form = merge_blanks(text(claims, &of.legal_form)?);
        Some(Self {
            name: parse_name(text(claims, &of.name)?)?,
            form: translated(&of.legal_forms, &form).and_then(LegalForm::from_name),
            seat: parse_place(text(claims, &of.seat)?)?,
            kind,
            court: optional(claims, of.register_court.as_ref(), parse_court)?,
            number: optional(claims, of.register_number.as_ref(), |text| parse_number(any, text))?,
            address: address.map(|((street, postal_code), locality)| Address { street, postal_code, locality }),
            economic_id: optional(claims, of.economic_id.as_ref(), parse_economic_id)?,
        })
    }

    /// The entry, if all of it is said.
    fn entry(&self) -> Option<Entry> {
        let (kind, court, number) = (self.kind?, self.court.clone()?, self.number.clone()?);
        Some(Entry { kind, court, number })
    }

    fn differences(&self, record: &Record) -> Vec<Differs> {
        let stated = company_register::differences(record, (&self.name, self.form, &self.seat));
        let mut differences: Vec<_> = stated.into_iter().map(Differs::Stated).collect();
        let own = record.register.as_ref();
        let is_same = |said: Option<bool>| said.unwrap_or(true);
        let kind = is_same(self.kind.map(|kind| own.is_some_and(|own| own.kind == kind)));
        let court = |court: &String| own.is_some_and(|own| folded(&own.court) == folded(court));
        let number = |number: &String| own.is_some_and(|own| folded(&own.number) == folded(number));
        if !kind || !is_same(self.court.as_ref().map(court)) || !is_same(self.number.as_ref().map(number)) {
            let parts = [self.kind.map(|kind| kind.name().to_owned()), self.number.clone(), self.court.clone()];
            differences.push(Differs::Entry(parts.into_iter().flatten().collect::<Vec<_>>().join(" ")));
        }
        // What nobody has stated here is no difference.
        if let (Some(own), Some(said)) = (&record.economic_id, &self.economic_id)
            && folded(own) != folded(said)
        {
            differences.push(Differs::EconomicId(said.clone()));
        }
        differences
    }
}

/// Whether the settings name legal forms and registers that there are here.
pub fn check(all: &[Upstream]) -> Result<(), String> {
    for one in all {
        let Some(of) = &one.organisation else { continue };
        let refuse = |what: &str, name: &String| Err(format!("upstream {:?}: {what}: there is no {name} here", one.id));
        if let Some(name) = of.legal_forms.values().find(|name| LegalForm::from_name(name).is_none()) {
            return refuse("organisation.legal_forms", name);
        }
        if let Some(name) = of.register_kinds.values().find(|name| RegisterKind::from_name(name).is_none()) {
            return refuse("organisation.register_kinds", name);
        }
    }
    Ok(())
}

/// What counts of such an account, if anything does.
pub fn current(evidence: &[Evidence]) -> Option<&Evidence> {
    evidence.iter().find(|one| one.source == Source::UpstreamAccount && one.void_at.is_none())
}

/// Takes an answer of the provider, for whoever has asked and still represents the organisation.
pub async fn finish(
    app: &AppParts,
    provider: &Provider,
    (returning, account): (Returning<'_>, &AccountId),
) -> Result<Finished, Error> {
    let request = returning.request.clone();
    match upstream::receive(app, returning).await? {
        Ok(Vouched { organisation, answer }) => {
            let refused = take_over(app, provider, (&organisation, account, &request), &answer).await?;
            Ok(match refused {
                None => Finished::Recorded(organisation),
                Some(refused) => Finished::Refused(organisation, refused),
            })
        }
        Err(Turned { told, organisation }) => {
            if let (Told::NotBelieved, Some(id)) = (&told, &organisation) {
                let mut work = app.begin(Actor::Account(account.clone())).await?;
                work.request = Some(request);
                note_refused(&mut work, id, "not_believed").await?;
                work.commit().await?;
            }
            Ok(Finished::Told(organisation, told))
        }
    }
}

async fn note_refused(work: &mut Work, id: &OrganisationId, why: &'static str) -> Result<(), Error> {
    audit::record(work, &Happened::new(id, What::AccountRefused { why })).await
}

/// Records what was said, if it is what the organisation says of itself now; or why not.
async fn take_over(
    app: &AppParts,
    provider: &Provider,
    (id, account, request): (&OrganisationId, &AccountId, &str),
    answer: &Answer,
) -> Result<Option<Refused>, Error> {
    let (mut work, member) = begin(app, (id, account), request).await?;
    member.require(&Right::Representation)?;
    let person = account::load(&mut work.tx, &app.vault, account).await?;
    let evidence = evidence::list(&mut work.tx, &app.vault, id).await?;
    let weighed = weigh(app, provider, (&member, &person, &evidence), answer, work.now);
    let weighed = match weighed {
        Ok(weighed) if weighed.account.owner(&mut work.tx).await?.is_some_and(|owner| owner != *id) => {
            Err(Refused::Taken)
        }
        other => other,
    };
    let refused = match weighed {
        Ok(Weighed { account: elsewhere, by, shown }) => {
            let organisation = &member.organisation;
            match evidence::record_account(&mut work, &app.vault, organisation, (&elsewhere, by), &shown).await {
                Ok(_) => {
                    work.commit().await?;
                    return Ok(None);
                }
                // Of two at once one has it.
                Err(Error::Conflict("account")) => {
                    drop(work);
                    (work, _) = begin(app, (id, account), request).await?;
                    Refused::Taken
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused) => refused,
    };
    note_refused(&mut work, id, refused.why()).await?;
    work.commit().await?;
    Ok(Some(refused))
}

/// What is to be recorded.
struct Weighed {
    account: AccountElsewhere,
    by: Level,
    shown: Shown,
}

fn weigh(
    app: &AppParts,
    provider: &Provider,
    (member, person, evidence): (&Member, &Account, &[Evidence]),
    answer: &Answer,
    now: Timestamp,
) -> Result<Weighed, Refused> {
    let settings = &provider.settings;
    let of = settings.organisation.as_ref().ok_or(Refused::Incomplete)?;
    let level = stated_level(settings, of, answer);
    if level < Level::Low {
        return Err(Refused::TooWeak);
    }
    let id = text(&answer.claims, &of.id).filter(|id| !id.is_empty() && id.len() <= 255).ok_or(Refused::Incomplete)?;
    let said = Said::read(of, &answer.claims).ok_or(Refused::Incomplete)?;
    is_same_person(provider, person, answer, now)?;
    let record = &member.organisation.record;
    let differences = said.differences(record);
    if !differences.is_empty() {
        return Err(Refused::Differs(differences));
    }
    let by = level.min(member.identity);
    if current(evidence).is_some_and(|one| one.by > by) {
        return Err(Refused::NotMore);
    }
    let entry = said.entry();
    let shown = Shown {
        lacks_entry: entry.is_none() && record.register.is_some(),
        name: said.name,
        entry,
        address: said.address,
        checked_by: Some(settings.title(Language::De).to_owned()),
        ..Shown::default()
    };
    Ok(Weighed { account: AccountElsewhere::new(&app.vault, &settings.issuer, id), by, shown })
}

/// How well all of it is known there: who acts, and the organisation if that is said apart. Never more than substantial.
fn stated_level(settings: &Upstream, of: &OfOrganisation, answer: &Answer) -> Level {
    let own = of.level.as_ref().map(|claim| settings.level(text(&answer.claims, claim)));
    own.map_or(answer.level, |own| own.min(answer.level)).min(Level::Substantial)
}

/// Names and date of birth, as far as the account here has them, are said there and are the same, however written.
fn is_same_person(provider: &Provider, person: &Account, answer: &Answer, now: Timestamp) -> Result<(), Refused> {
    let said = upstream::shown(provider, &answer.claims, now);
    let who = [AttributeName::GivenNames, AttributeName::FamilyName, AttributeName::BirthDate];
    let is_said = |name: &AttributeName| said.iter().any(|(one, value)| one == name && value.is_some());
    if !who.iter().filter(|name| person.value(**name).is_some()).all(is_said) {
        return Err(Refused::Incomplete);
    }
    let differs = |one: &comparison::Difference| who.contains(&one.name);
    if comparison::differences(person, &said).iter().any(differs) { Err(Refused::OtherPerson) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of() -> OfOrganisation {
        let text = "id = \"du\"\nname = \"firma\"\nlegal_form = \"form.code\"\nseat = \"sitz\"\nregister_kind = \"art\"\n\
                    register_court = \"gericht\"\nregister_number = \"nummer\"\nstreet = \"a.s\"\npostal_code = \"a.p\"\n\
                    locality = \"a.o\"\neconomic_id = \"widnr\"\nlegal_forms = { \"350\" = \"gmbh\" }\n\
                    register_kinds = { HRB = \"HRB\", GR = \"GnR\" }\n";
        toml::from_str(text).unwrap()
    }

    fn said(change: impl FnOnce(&mut Value)) -> Option<Said> {
        let mut claims = json!({
            "firma": "BÄCKEREI WEBER GMBH", "form": { "code": "350", "text": "GmbH" }, "sitz": "Mainz", "art": "HRB",
            "gericht": "Amtsgericht Mainz", "nummer": "01234", "widnr": "DE136695976-00001",
            "a": { "s": "Große Bleiche 7", "p": "55116", "o": "Mainz" },
        });
        change(&mut claims);
        Said::read(&of(), claims.as_object().unwrap())
    }

    fn record(register: Option<Entry>) -> Record {
        Record {
            name: "Bäckerei Weber GmbH".to_owned(),
            form: LegalForm::Gmbh,
            register,
            seat: "Mainz".to_owned(),
            business_address: Address { street: "Weg 1".into(), postal_code: "55116".into(), locality: "Mainz".into() },
            administrative_address: None,
            economic_id: Some("DE136695976-00001".to_owned()),
        }
    }

    fn entry() -> Entry {
        Entry { kind: RegisterKind::Hrb, court: "Mainz".to_owned(), number: "1234".to_owned() }
    }

    #[test]
    fn what_is_said_is_read_as_strictly_as_a_form() {
        let whole = said(|_| {}).unwrap();
        assert_eq!((whole.entry(), whole.address.is_some()), (Some(entry()), true));
        assert_eq!(whole.differences(&record(Some(entry()))), []);
        let bad: [fn(&mut Value); 8] = [
            |claims| claims["firma"] = json!("<script>"),
            |claims| claims["firma"] = Value::Null,
            |claims| claims["sitz"] = json!(""),
            |claims| claims["form"] = json!({}),
            |claims| claims["art"] = json!("B"),
            |claims| claims["nummer"] = json!("zwölf"),
            |claims| claims["widnr"] = json!("DE1"),
            |claims| claims["a"]["p"] = json!("5511"),
        ];
        for change in bad {
            assert_eq!(said(change), None);
        }
        assert_eq!(said(|claims| claims["form"]["code"] = json!("gmbh")).unwrap().form, None, "as was agreed alone");
        assert_eq!(said(|claims| claims["art"] = json!("GR")).unwrap().kind, Some(RegisterKind::Gnr));
    }

    #[test]
    fn an_entry_may_be_missing_but_not_another() {
        let none =
            said(|claims| (claims["art"], claims["gericht"], claims["nummer"]) = (json!(""), json!(" "), Value::Null));
        let none = none.unwrap();
        assert_eq!((none.entry(), none.differences(&record(Some(entry()))).len()), (None, 0));
        assert_eq!(none.differences(&record(None)), []);
        let differs = |change: fn(&mut Value), record: &Record| said(change).unwrap().differences(record);
        let other = |text: &str| [Differs::Entry(text.to_owned())];
        assert_eq!(differs(|claims| claims["nummer"] = json!("1235"), &record(Some(entry()))), other("HRB 1235 Mainz"));
        assert_eq!(differs(|_| {}, &record(None)), other("HRB 1234 Mainz"));
        let only: fn(&mut Value) =
            |claims| (claims["art"], claims["gericht"], claims["nummer"]) = (json!(""), json!("Trier"), json!(""));
        assert_eq!(differs(only, &record(Some(entry()))), other("Trier"));
        let mut stated = record(Some(entry()));
        stated.economic_id = Some("DE136695976-00002".to_owned());
        assert_eq!(differs(|_| {}, &stated), [Differs::EconomicId("DE136695976-00001".to_owned())]);
        stated.economic_id = None;
        assert_eq!(differs(|_| {}, &stated), []);
    }
}
