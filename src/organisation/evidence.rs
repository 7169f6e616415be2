//! How well it is known that an organisation is the one that it says it is. Evidence stands in a row each; a dated table says
//! what level it gives. Evidence speaks of name, legal form, entry and seat as they were: when the organisation says something
//! else of itself, it is void, and only new evidence gives the level back.

use serde::{Deserialize, Serialize};

use super::desk::paper::Paper;
use super::event::{Happened, What};
use super::member::Member;
use super::record::{Address, Entry};
use super::store::evidence as store;
use super::{Organisation, Record, key};
use crate::account::evidence::DocumentKind;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{OrganisationEvidenceId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Work;

/// What can show who an organisation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Source {
    /// Name, legal form and seat are those of the entry in the register.
    Register,
    /// The code of a letter to its seat has come back.
    Letter,
    /// An office has seen an extract from the register and who brought it.
    RegistrationDesk,
    /// An account that the organisation has elsewhere, with the administration (Mein Unternehmenskonto, another Land).
    UpstreamAccount,
}

impl Source {
    pub const fn label(self, t: &Texts) -> &Text {
        let t = &t.organisation;
        match self {
            Self::Register => &t.source_register,
            Self::Letter => &t.source_letter,
            Self::RegistrationDesk => &t.source_desk,
            Self::UpstreamAccount => &t.source_account,
        }
    }
}

/// What evidence is worth together.
pub struct Rule {
    /// The day from which it holds.
    pub valid_from: &'static str,
    pub shown: &'static [Source],
    pub level: Level,
    /// Where that comes from: annex of the Implementing Regulation (EU) 2015/1502.
    pub source: &'static str,
}

/// The table. What is not in it is basic; nothing is high, which would need the unique identifier of 2.1.3 and 2.1.4.
pub const POLICY: [Rule; 7] = [
    Rule {
        valid_from: "2026-11-01",
        shown: &[Source::Register],
        level: Level::Basic,
        source: "2.1.4: everybody reads the register; that somebody names an entry binds nobody to it",
    },
    Rule {
        valid_from: "2026-11-01",
        shown: &[Source::Letter],
        level: Level::Low,
        source: "2.1.3 and 2.1.4 low: it is not known to be another, and what is sent to it reaches whoever represents it here",
    },
    Rule {
        valid_from: "2026-11-01",
        shown: &[Source::Register, Source::Letter],
        level: Level::Substantial,
        source: "2.1.3 substantial: checked against the register by name, legal form and number; 2.1.4 substantial: somebody \
                 known at substantial, and post at the address of the register",
    },
    Rule {
        valid_from: "2026-11-01",
        shown: &[Source::RegistrationDesk],
        level: Level::Substantial,
        source: "2.1.3 and 2.1.4 substantial: an office has seen an extract from the register that names who brought it, or what \
                 stands in its place, which may be worth less (`desk/paper.rs`)",
    },
    Rule {
        valid_from: "2026-11-27",
        shown: &[Source::UpstreamAccount],
        level: Level::Low,
        source: "2.1.3 and 2.1.4 low: an account of the administration names it and whoever acts there, who is who asked here; \
                 so much also if it does not say under which number it stands in a register",
    },
    Rule {
        valid_from: "2026-11-27",
        shown: &[Source::UpstreamAccount],
        level: Level::Substantial,
        source: "2.1.3 substantial: by name, legal form and, if it has one, number in the register; 2.1.4 substantial: who \
                 acts there is who asked here, known at substantial on both sides",
    },
    Rule {
        valid_from: "2026-11-27",
        shown: &[Source::Register, Source::UpstreamAccount],
        level: Level::Substantial,
        source: "2.1.3 substantial: the number in the register comes from the register itself; 2.1.4 substantial: as above",
    },
];

/// What is kept of evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub name: String,
    pub entry: Option<Entry>,
    /// The register's address, or that to which the letter went.
    pub address: Option<Address>,
    /// Whether the register names the one who had it checked among those who represent it. No account elsewhere does.
    pub names_representative: bool,
    /// Whether the organisation stands in a register, and what has shown it does not say so.
    #[serde(default)]
    pub lacks_entry: bool,
    /// Whose account it was, as people call the provider.
    #[serde(default)]
    pub checked_by: Option<String>,
    /// What an office has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// What an office has seen of an organisation: no number and no picture of anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub paper: Paper,
    /// `2026-11-02`
    pub issued_on: String,
    /// With what the one who brought it has shown who they are.
    pub document: DocumentKind,
    pub office: String,
}

/// Evidence as it is kept, opened.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub source: Source,
    /// How well it was known who had it shown; at a desk no more than the document and the office are worth, and of an account elsewhere
    /// no more than that says.
    pub by: Level,
    pub shown_at: Timestamp,
    pub void_at: Option<Timestamp>,
    pub shown: Shown,
}

/// Evidence that a rule takes together, and what it gives: no more than the least known of those who had it shown.
pub struct Proven<'a> {
    pub level: Level,
    pub evidence: Vec<&'a Evidence>,
}

/// The rules that evidence which counts meets.
fn met(evidence: &[Evidence]) -> Vec<Proven<'_>> {
    let find = |source| evidence.iter().find(|one: &&Evidence| one.source == source && one.void_at.is_none());
    let register_address = find(Source::Register).and_then(|one| one.shown.address.as_ref());
    let is_elsewhere = |one: &Evidence| match (register_address, &one.shown.address) {
        (Some(known), Some(sent)) => !known.is_same(sent),
        _ => false,
    };
    let gives = |rule: &Rule| {
        let used: Option<Vec<&Evidence>> = rule.shown.iter().map(|source| find(*source)).collect();
        let used = used?;
        // A letter to an address that the register does not know says nothing of whom the register names.
        if used.len() > 1 && used.iter().any(|one| one.source == Source::Letter && is_elsewhere(one)) {
            return None;
        }
        if used.len() == 1 && used[0].shown.lacks_entry && rule.level > Level::Low {
            return None;
        }
        let level = used.iter().map(|one| one.by).fold(rule.level, Level::min);
        Some(Proven { level, evidence: used })
    };
    POLICY.iter().filter_map(gives).collect()
}

/// What all evidence that counts gives.
pub fn level(evidence: &[Evidence]) -> Level {
    met(evidence).into_iter().map(|proven| proven.level).max().unwrap_or(Level::Basic)
}

/// The same with what gives it, the most first: each evidence once, where it counts for most.
pub fn proven(evidence: &[Evidence]) -> Vec<Proven<'_>> {
    let mut all = met(evidence);
    all.sort_by_key(|proven| (std::cmp::Reverse(proven.level), proven.evidence.len()));
    let mut used: Vec<Source> = Vec::new();
    all.retain(|proven| {
        let is_new = proven.evidence.iter().all(|one| !used.contains(&one.source));
        if is_new {
            used.extend(proven.evidence.iter().map(|one| one.source));
        }
        is_new
    });
    all
}

/// What the organisation is worth through this member: never more than it is known who they are.
pub fn level_through(member: &Member) -> Level {
    member.organisation.level.min(member.identity)
}

fn place(id: &OrganisationEvidenceId) -> Place<'_> {
    Place { table: "organisation_evidence", column: "record", row: id.as_str(), version: 1 }
}

/// All evidence of an organisation, the newest first.
pub async fn list(tx: &mut Tx, vault: &Vault, id: &OrganisationId) -> Result<Vec<Evidence>, Error> {
    let key = key(tx, vault, id).await?;
    open_all(tx, &key, id).await
}

async fn open_all(tx: &mut Tx, key: &DataKey, id: &OrganisationId) -> Result<Vec<Evidence>, Error> {
    let rows = store::of(tx, id).await?;
    let open = |row: store::EvidenceRow| {
        let plain = key.open(place(&row.id), &row.record).map_err(Error::broken)?;
        let shown = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
        let store::EvidenceRow { source, level: by, shown_at, void_at, .. } = row;
        Ok(Evidence { source, by, shown_at, void_at, shown })
    };
    rows.into_iter().map(open).collect()
}

/// Writes down what was shown, in place of what the same source has shown before. `work` holds the organisation.
pub async fn record(
    work: &mut Work,
    vault: &Vault,
    organisation: &Organisation,
    (source, by): (Source, Level),
    shown: &Shown,
) -> Result<Level, Error> {
    write(work, vault, organisation, (source, by, None), shown).await
}

/// The same of an account elsewhere. `Conflict("account")` if it counts for another organisation; the work must not be committed
/// then.
pub async fn record_account(
    work: &mut Work,
    vault: &Vault,
    organisation: &Organisation,
    (account, by): (&AccountElsewhere, Level),
    shown: &Shown,
) -> Result<Level, Error> {
    write(work, vault, organisation, (Source::UpstreamAccount, by, Some(account)), shown).await
}

/// An account of an organisation elsewhere, as a keyed hash: nothing of it stands in the database.
pub struct AccountElsewhere([u8; 32]);

impl AccountElsewhere {
    pub fn new(vault: &Vault, issuer: &str, id: &str) -> Self {
        Self(vault.index("organisation-account", &format!("{issuer} {id}")))
    }

    /// The organisation for which it counts.
    pub async fn owner(&self, tx: &mut Tx) -> Result<Option<OrganisationId>, Error> {
        Ok(store::of_account(tx, &self.0).await?)
    }
}

/// Voids what an account elsewhere has shown, so that it may count for another organisation. `work` holds the organisation.
pub async fn free_account(work: &mut Work, vault: &Vault, id: &OrganisationId) -> Result<(), Error> {
    let key = key(&mut work.tx, vault, id).await?;
    store::void(work, id, Some(Source::UpstreamAccount)).await?;
    settle(work, &key, id).await.map(drop)
}

async fn write(
    work: &mut Work,
    vault: &Vault,
    organisation: &Organisation,
    (source, by, account): (Source, Level, Option<&AccountElsewhere>),
    shown: &Shown,
) -> Result<Level, Error> {
    let key = key(&mut work.tx, vault, &organisation.id).await?;
    let id = OrganisationEvidenceId::new(work.now, &work.random);
    let plain = serde_json::to_vec(shown).map_err(Error::broken)?;
    let sealed = key.seal(place(&id), &plain, &work.random).map_err(Error::broken)?;
    store::void(work, &organisation.id, Some(source)).await?;
    let account = account.map(|account| account.0);
    if !store::insert(work, (&id, &organisation.id), (source, by), (&sealed, account)).await? {
        return Err(Error::Conflict("account"));
    }
    let level = settle(work, &key, &organisation.id).await?;
    audit::record(work, &Happened::new(&organisation.id, What::EvidenceRecorded { source, level })).await?;
    Ok(level)
}

/// What counts no more, once an organisation says something else of itself: everything if it is called, is or stands
/// otherwise; a letter if its post goes elsewhere.
pub async fn fall_back(
    work: &mut Work,
    vault: &Vault,
    id: &OrganisationId,
    (before, after): (&Record, &Record),
) -> Result<Level, Error> {
    let key = key(&mut work.tx, vault, id).await?;
    if !before.is_same(after) {
        store::void(work, id, None).await?;
    } else if !before.business_address.is_same(&after.business_address) {
        let evidence = open_all(&mut work.tx, &key, id).await?;
        let of_register = evidence.iter().find(|one| one.source == Source::Register && one.void_at.is_none());
        if of_register.is_none_or(|one| one.shown.address.is_none()) {
            store::void(work, id, Some(Source::Letter)).await?;
        }
    }
    settle(work, &key, id).await
}

async fn settle(work: &mut Work, key: &DataKey, id: &OrganisationId) -> Result<Level, Error> {
    let level = level(&open_all(&mut work.tx, key, id).await?);
    store::put_level(work, id, level).await?;
    Ok(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(street: &str) -> Option<Address> {
        let (postal_code, locality) = ("55116".to_owned(), "Mainz".to_owned());
        Some(Address { street: street.to_owned(), postal_code, locality })
    }

    fn evidence(source: Source, by: Level, address: Option<Address>) -> Evidence {
        let (name, names_representative) = ("Weber".to_owned(), true);
        let shown = Shown { name, address, names_representative, ..Shown::default() };
        Evidence { source, by, shown_at: Timestamp::from_seconds(1), void_at: None, shown }
    }

    #[test]
    fn what_evidence_gives() {
        let (s, weg) = (Level::Substantial, || address("Weg 1"));
        let (register, letter) = (|| evidence(Source::Register, s, weg()), || evidence(Source::Letter, s, weg()));
        assert_eq!(level(&[]), Level::Basic);
        assert_eq!(level(&[register()]), Level::Basic);
        assert_eq!(level(&[letter()]), Level::Low);
        assert_eq!(level(&[register(), letter()]), Level::Substantial);
        assert_eq!(
            level(&[register(), evidence(Source::Letter, s, address("WEG 1."))]),
            Level::Substantial,
            "the same"
        );
        assert_eq!(level(&[register(), evidence(Source::Letter, s, address("Weg 2"))]), Level::Low, "elsewhere");
        assert_eq!(level(&[evidence(Source::Register, s, None), letter()]), Level::Substantial, "it names no address");
        assert_eq!(level(&[evidence(Source::RegistrationDesk, s, None)]), Level::Substantial);
        let void = Evidence { void_at: Some(Timestamp::from_seconds(2)), ..letter() };
        assert_eq!(level(&[register(), void]), Level::Basic);
        let account = || evidence(Source::UpstreamAccount, s, weg());
        let without = || {
            let mut account = account();
            account.shown.lacks_entry = true;
            account
        };
        assert_eq!(level(&[account()]), Level::Substantial);
        assert_eq!(level(&[without()]), Level::Low, "it does not say where the organisation stands");
        assert_eq!(level(&[without(), letter()]), Level::Low, "nor does a letter");
        assert_eq!(level(&[without(), register()]), Level::Substantial, "the register does");
        assert_eq!(level(&[evidence(Source::UpstreamAccount, Level::Low, None)]), Level::Low);
        assert_eq!(
            level(&[evidence(Source::UpstreamAccount, Level::Low, None), register()]),
            Level::Low,
            "no more than it says"
        );
        for by in Level::ALL {
            let all = [
                register(),
                evidence(Source::Letter, by, weg()),
                evidence(Source::RegistrationDesk, by, None),
                evidence(Source::UpstreamAccount, by, None),
            ];
            assert!(level(&all) <= Level::Substantial.min(by.max(Level::Basic)), "{by:?}");
        }
    }

    #[test]
    fn each_evidence_stands_where_it_counts_for_most() {
        let s = Level::Substantial;
        let one = |source| evidence(source, s, None);
        let told = |all: &[Evidence]| -> Vec<(Level, Vec<Source>)> {
            let of = |proven: Proven<'_>| (proven.level, proven.evidence.iter().map(|one| one.source).collect());
            proven(all).into_iter().map(of).collect()
        };
        let (register, letter, account) = (Source::Register, Source::Letter, Source::UpstreamAccount);
        assert_eq!(told(&[one(letter), one(register)]), [(s, vec![register, letter])]);
        assert_eq!(
            told(&[one(letter), one(register), one(account)]),
            [(s, vec![account]), (s, vec![register, letter])]
        );
        let mut without = one(account);
        without.shown.lacks_entry = true;
        assert_eq!(told(&[without.clone(), one(register)]), [(s, vec![register, account])]);
        assert_eq!(told(&[without]), [(Level::Low, vec![account])]);
        assert_eq!(told(&[]), []);
    }

    #[test]
    fn the_table_names_its_sources_and_is_never_high() {
        assert!(POLICY.iter().all(|rule| rule.level < Level::High && rule.source.starts_with("2.1.")));
        assert!(POLICY.iter().all(|rule| rule.valid_from.len() == 10));
    }
}
