//! The data protocol: everything that was done with an account, in words, for its owner. It is the audit trail, nothing
//! else, so that what is shown and what is provable cannot differ.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize as _;

use crate::account::{AttributeName, Source};
use crate::audit::{self, Recorded};
use crate::client::Claim;
use crate::client::registry::Registry;
use crate::config::Config;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, EventId, OrganisationId};
use crate::kernel::seal::Vault;
use crate::kernel::texts::{Language, ProtocolTexts, Text, moment};
use crate::kernel::time::Timestamp;
use crate::oidc::connection;
use crate::organisation;
use crate::proofing::desk::Refusal;
use crate::signin::change::device_name;
use crate::store::db::Tx;

/// What an event is about, and what one can filter by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A service was given data, or nearly.
    Services,
    /// The operator looked or acted.
    Support,
    /// An office did.
    Offices,
    /// The owner or the program changed something.
    Changes,
    /// An authority put a notice into the postbox, and what became of it.
    Postbox,
    /// What lies in the safe, and what became of it.
    Safe,
    /// Somebody signed in, or tried.
    Signin,
}

impl Topic {
    pub const ALL: [Topic; 7] =
        [Topic::Services, Topic::Support, Topic::Offices, Topic::Changes, Topic::Postbox, Topic::Safe, Topic::Signin];

    /// As it stands in the address of the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Services => "dienste",
            Self::Support => "support",
            Self::Offices => "aemter",
            Self::Changes => "aenderungen",
            Self::Postbox => "postfach",
            Self::Safe => "safe",
            Self::Signin => "anmeldungen",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    pub fn title(self, t: &ProtocolTexts) -> &Text {
        match self {
            Self::Services => &t.topic_services,
            Self::Support => &t.topic_support,
            Self::Offices => &t.topic_offices,
            Self::Changes => &t.topic_changes,
            Self::Postbox => &t.topic_postbox,
            Self::Safe => &t.topic_safe,
            Self::Signin => &t.topic_signin,
        }
    }

    /// The legal basis of the processing.
    fn basis(self, t: &ProtocolTexts) -> &Text {
        match self {
            Self::Services => &t.basis_services,
            Self::Support => &t.basis_support,
            Self::Offices => &t.basis_offices,
            Self::Changes => &t.basis_changes,
            Self::Postbox => &t.basis_postbox,
            Self::Safe => &t.basis_safe,
            Self::Signin => &t.basis_signin,
        }
    }
}

type Sentence = fn(&ProtocolTexts) -> &Text;

/// Every kind of event that has an account for its subject. A test compares with the source.
#[rustfmt::skip]
pub const KINDS: [(&str, Topic, Sentence); 125] = [
    ("grant.issued",              Topic::Services, |t| &t.grant_issued),
    ("grant.revoked",             Topic::Services, |t| &t.grant_revoked),
    ("code.refused",              Topic::Services, |t| &t.code_refused),
    ("refresh.refused",           Topic::Services, |t| &t.refresh_refused),
    ("token.exchanged",           Topic::Services, |t| &t.token_exchanged),
    ("consent.given",             Topic::Services, |t| &t.consent_given),
    ("consent.withdrawn",         Topic::Services, |t| &t.consent_withdrawn),
    ("account.looked_up",         Topic::Support,  |t| &t.account_looked_up),
    ("account.protocol_read",     Topic::Support,  |t| &t.account_protocol_read),
    ("account.locked",            Topic::Support,  |t| &t.account_locked),
    ("account.unlocked",          Topic::Support,  |t| &t.account_unlocked),
    ("officer.added",             Topic::Support,  |t| &t.officer_added),
    ("officer.removed",           Topic::Support,  |t| &t.officer_removed),
    ("desk.case_looked_at",       Topic::Offices,  |t| &t.desk_case_looked_at),
    ("desk.checked",              Topic::Offices,  |t| &t.desk_checked),
    ("desk.confirmed",            Topic::Offices,  |t| &t.desk_confirmed),
    ("desk.refused",              Topic::Offices,  |t| &t.desk_refused),
    ("desk.recovery_looked_at",   Topic::Offices,  |t| &t.desk_recovery_looked_at),
    ("desk.recovery_confirmed",   Topic::Offices,  |t| &t.desk_recovery_confirmed),
    ("guardian.recorded",         Topic::Offices,  |t| &t.guardian_recorded),
    ("guardian.counts_now",       Topic::Offices,  |t| &t.guardian_counts_now),
    ("guardian.ended",            Topic::Offices,  |t| &t.guardian_ended),
    ("desk.organisation_looked_at", Topic::Offices, |t| &t.desk_organisation_looked_at),
    ("desk.case_taken",           Topic::Changes,  |t| &t.desk_case_taken),
    ("letter.ordered",            Topic::Changes,  |t| &t.letter_ordered),
    ("letter.refused",            Topic::Changes,  |t| &t.letter_refused),
    ("letter.redeemed",           Topic::Changes,  |t| &t.letter_redeemed),
    ("account.opened",            Topic::Changes,  |t| &t.account_opened),
    ("account.language_chosen",   Topic::Changes,  |t| &t.account_language_chosen),
    ("account.absence_set",       Topic::Changes,  |t| &t.account_absence_set),
    ("account.absence_changed",   Topic::Changes,  |t| &t.account_absence_changed),
    ("account.absence_ended",     Topic::Changes,  |t| &t.account_absence_ended),
    ("account.attributes_changed", Topic::Changes, |t| &t.account_attributes_changed),
    ("account.evidence_recorded", Topic::Changes,  |t| &t.account_evidence_recorded),
    ("account.closing",           Topic::Changes,  |t| &t.account_closing),
    ("account.kept",              Topic::Changes,  |t| &t.account_kept),
    ("account.erasure_begun",     Topic::Changes,  |t| &t.account_erasure_begun),
    ("account.erased",            Topic::Changes,  |t| &t.account_erased),
    ("account.told_unused",       Topic::Changes,  |t| &t.account_told_unused),
    ("object.damaged",            Topic::Changes,  |t| &t.object_damaged),
    ("data.exported",             Topic::Changes,  |t| &t.data_exported),
    ("address.added",             Topic::Changes,  |t| &t.address_added),
    ("address.removed",           Topic::Changes,  |t| &t.address_removed),
    ("address.preferred",         Topic::Changes,  |t| &t.address_preferred),
    ("password.changed",          Topic::Changes,  |t| &t.password_changed),
    ("password.reset",            Topic::Changes,  |t| &t.password_reset),
    ("password.removed",          Topic::Changes,  |t| &t.password_removed),
    ("recovery_codes.renewed",    Topic::Changes,  |t| &t.recovery_codes_renewed),
    ("code_generator.added",      Topic::Changes,  |t| &t.code_generator_added),
    ("code_generator.removed",    Topic::Changes,  |t| &t.code_generator_removed),
    ("passkey.added",             Topic::Changes,  |t| &t.passkey_added),
    ("passkey.removed",           Topic::Changes,  |t| &t.passkey_removed),
    ("eid_card.added",            Topic::Changes,  |t| &t.card_added),
    ("eid_card.refused",          Topic::Signin,   |t| &t.card_refused),
    ("eid_card.removed",          Topic::Changes,  |t| &t.card_removed),
    ("eid_card.recovery",         Topic::Signin,   |t| &t.card_recovery),
    ("linked_account.added",      Topic::Changes,  |t| &t.linked_account_added),
    ("linked_account.removed",    Topic::Changes,  |t| &t.linked_account_removed),
    ("session.limit_chosen",      Topic::Changes,  |t| &t.session_limit_chosen),
    ("organisation_key.made",     Topic::Changes,  |t| &t.key_made),
    ("organisation_key.ended",    Topic::Changes,  |t| &t.key_ended),
    ("organisation_key.taken_over", Topic::Changes, |t| &t.key_taken_over),
    ("organisation_key.reminded", Topic::Changes,  |t| &t.key_reminded),
    ("organisation_key.stopped",  Topic::Changes,  |t| &t.key_stopped),
    ("acting.chosen",             Topic::Changes,  |t| &t.acting_chosen),
    ("acting.ended",              Topic::Changes,  |t| &t.acting_ended),
    ("mandate.asked",            Topic::Changes,  |t| &t.mandate_asked),
    ("mandate.offered",          Topic::Changes,  |t| &t.mandate_offered),
    ("mandate.passed_on",        Topic::Changes,  |t| &t.mandate_passed_on),
    ("mandate.accepted",         Topic::Changes,  |t| &t.mandate_accepted),
    ("mandate.declined",         Topic::Changes,  |t| &t.mandate_declined),
    ("mandate.withdrawn",        Topic::Changes,  |t| &t.mandate_withdrawn),
    ("mandate.revoked",          Topic::Changes,  |t| &t.mandate_revoked),
    ("mandate.returned",         Topic::Changes,  |t| &t.mandate_returned),
    ("mandate.gone",             Topic::Changes,  |t| &t.mandate_gone),
    ("mandate.taken_up",         Topic::Changes,  |t| &t.mandate_taken_up),
    ("mandate.laid_down",        Topic::Changes,  |t| &t.mandate_laid_down),
    ("safe.added",                   Topic::Safe,     |t| &t.safe_added),
    ("safe.version_added",           Topic::Safe,     |t| &t.safe_version_added),
    ("safe.changed",                 Topic::Safe,     |t| &t.safe_changed),
    ("safe.fetched",                 Topic::Safe,     |t| &t.safe_fetched),
    ("safe.deleted",                 Topic::Safe,     |t| &t.safe_deleted),
    ("safe.version_deleted",         Topic::Safe,     |t| &t.safe_version_deleted),
    ("safe.shared",                  Topic::Safe,     |t| &t.safe_shared),
    ("safe.share_ended",             Topic::Safe,     |t| &t.safe_share_ended),
    ("safe.share_fetched",           Topic::Safe,     |t| &t.safe_share_fetched),
    ("safe.refused",                 Topic::Safe,     |t| &t.safe_refused),
    ("postbox.provided",             Topic::Postbox,  |t| &t.postbox_provided),
    ("postbox.opened",               Topic::Postbox,  |t| &t.postbox_opened),
    ("postbox.acknowledged",         Topic::Postbox,  |t| &t.postbox_acknowledged),
    ("postbox.archived",             Topic::Postbox,  |t| &t.postbox_archived),
    ("postbox.unarchived",           Topic::Postbox,  |t| &t.postbox_unarchived),
    ("postbox.deleted",              Topic::Postbox,  |t| &t.postbox_deleted),
    ("postbox.restored",             Topic::Postbox,  |t| &t.postbox_restored),
    ("postbox.replied",              Topic::Postbox,  |t| &t.postbox_replied),
    ("postbox.paper",                Topic::Postbox,  |t| &t.postbox_paper),
    ("postbox.paper_case",           Topic::Postbox,  |t| &t.postbox_paper_case),
    ("postbox.electronic",           Topic::Postbox,  |t| &t.postbox_electronic),
    ("postbox.electronic_case",      Topic::Postbox,  |t| &t.postbox_electronic_case),
    ("calendar.made",                Topic::Postbox,  |t| &t.calendar_made),
    ("calendar.ended",               Topic::Postbox,  |t| &t.calendar_ended),
    ("means.blocked",             Topic::Changes,  |t| &t.means_blocked),
    ("means.unblocked",           Topic::Changes,  |t| &t.means_unblocked),
    ("identity.lowered",          Topic::Changes,  |t| &t.identity_lowered),
    ("recovery.begun",            Topic::Signin,   |t| &t.recovery_begun),
    ("recovery.reminded",         Topic::Signin,   |t| &t.recovery_reminded),
    ("recovery.cancelled",        Topic::Signin,   |t| &t.recovery_cancelled),
    ("recovery.finished",         Topic::Signin,   |t| &t.recovery_finished),
    ("recovery.means_set",        Topic::Signin,   |t| &t.recovery_means_set),
    ("desk.recovery_asked",       Topic::Signin,   |t| &t.desk_recovery_asked),
    ("recovery.desk_cancelled",   Topic::Signin,   |t| &t.recovery_desk_cancelled),
    ("recovery.desk_finished",    Topic::Signin,   |t| &t.recovery_desk_finished),
    ("session.begun",             Topic::Signin,   |t| &t.session_begun),
    ("session.renewed",           Topic::Signin,   |t| &t.session_renewed),
    ("session.ended",             Topic::Signin,   |t| &t.session_ended),
    ("session.others_ended",      Topic::Signin,   |t| &t.session_others_ended),
    ("logout.not_told",           Topic::Signin,   |t| &t.logout_not_told),
    ("signin.refused",            Topic::Signin,   |t| &t.signin_refused),
    ("code_generator.refused",    Topic::Signin,   |t| &t.code_generator_refused),
    ("recovery_code.used",        Topic::Signin,   |t| &t.recovery_code_used),
    ("recovery_code.refused",     Topic::Signin,   |t| &t.recovery_code_refused),
    ("passkey.refused",           Topic::Signin,   |t| &t.passkey_refused),
    ("linked_account.refused",    Topic::Signin,   |t| &t.linked_account_refused),
    ("linked_account.signed_out", Topic::Signin,   |t| &t.linked_account_signed_out),
    ("device.added",              Topic::Signin,   |t| &t.device_added),
];

/// One line of the protocol.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The event's id: names the line in a question to support, and is where the next page begins.
    pub id: EventId,
    pub at: Timestamp,
    pub who: String,
    pub what: String,
    /// What for; empty where the act says it all.
    pub purpose: String,
    pub basis: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = moment::date_and_clock(Language::De, self.at);
        write!(f, "{}  {at}  {}: {} [{}] {}", self.id, self.who, self.what, self.purpose, self.basis)
    }
}

fn detail_of(event: &Recorded) -> serde_json::Value {
    serde_json::from_str(&event.detail).unwrap_or_default()
}

/// For which organisation its owner has acted.
fn organisation_of(detail: &serde_json::Value) -> Option<OrganisationId> {
    detail["organisation"].as_str().and_then(OrganisationId::parse)
}

/// Reads and words the protocol of one account for its owner.
pub struct Reader<'a> {
    pub account: &'a AccountId,
    pub registry: &'a Registry,
    pub language: Language,
    /// Who runs this, and what other providers are called.
    pub config: &'a Config,
    /// Opens the names of organisations for which its owner has acted.
    pub vault: &'a Vault,
}

/// What is said of an event: details that the reader has looked up for it.
type Names = BTreeMap<OrganisationId, String>;

impl Reader<'_> {
    /// At most `limit` lines older than the event `before`, newest first; only of one topic if wished.
    pub async fn read(
        &self,
        tx: &mut Tx,
        topic: Option<Topic>,
        before: Option<&EventId>,
        limit: i64,
    ) -> Result<Vec<Entry>, Error> {
        let of_topic = |(_, one, _): &&(_, Topic, _)| topic.is_none_or(|topic| topic == *one);
        let kinds: Vec<&str> = KINDS.iter().filter(of_topic).map(|(kind, ..)| *kind).collect();
        let events = audit::of_kinds(tx, self.account.as_str(), &kinds, before, limit).await?;
        let names = self.organisations(tx, &events).await?;
        Ok(events.iter().filter_map(|event| self.word(event, &names)).collect())
    }

    /// What the organisations of these events are called; those that are there no more are left out.
    async fn organisations(&self, tx: &mut Tx, events: &[Recorded]) -> Result<Names, Error> {
        let mut names = Names::new();
        for id in events.iter().filter_map(|event| organisation_of(&detail_of(event))) {
            if names.contains_key(&id) {
                continue;
            }
            match organisation::load(tx, self.vault, &id).await {
                Ok(organisation) => drop(names.insert(id, organisation.record.name)),
                Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(names)
    }

    /// The event in words; `None` if it is of no kind that people read.
    fn word(&self, event: &Recorded, names: &Names) -> Option<Entry> {
        let t = &self.language.texts().protocol;
        let (_, topic, sentence) = KINDS.iter().find(|(kind, ..)| *kind == event.kind)?;
        let detail = detail_of(event);
        let text = |name: &str| detail[name].as_str().unwrap_or_default();
        let client = self.registry.known(text("client")).map(|(client, _)| client);
        let service = client.as_ref().map_or_else(|| text("client").to_owned(), |client| client.title(self.language));
        let claims: Vec<Claim> = serde_json::from_value(detail["claims"].clone()).unwrap_or_default();
        let data = connection::data_names(self.language, &claims);
        let organisation = organisation_of(&detail)
            .map(|id| names.get(&id).map_or(self.language.texts().acting.unknown.as_str(), String::as_str));
        let date = detail["erase_at"].as_i64().map(Timestamp::from_milliseconds);
        let what = sentence(t)
            .with("service", &service)
            .with("data", if data.is_empty() { t.data_none.as_str() } else { &data })
            .with("device", device_name(self.language, text("device")))
            .with("changes", self.changes(&detail))
            .with("source", self.source(&detail))
            .with("provider", self.config.provider_name(text("provider"), self.language))
            .with("office", text("office"))
            .with("refusal", self.refusal(&detail))
            .with("organisation", organisation.unwrap_or_default())
            .with("mandate", text("mandate"))
            .with("minutes", detail["minutes"].as_i64().unwrap_or_default())
            .with("date", date.map(|at| moment::date(self.language, at)).unwrap_or_default());
        let purpose = match (topic, client) {
            (Topic::Services, Some(client)) => client.purpose.get(self.language).to_owned(),
            (Topic::Signin, Some(client)) if event.kind != "logout.not_told" => {
                t.signin_for.with("service", client.title(self.language)).to_string()
            }
            _ => event.reason.clone().unwrap_or_default(),
        };
        // What a service was given, or what was read, of somebody for whom its owner acted.
        let says_for_whom = matches!(topic, Topic::Services | Topic::Postbox | Topic::Safe);
        let acted = organisation.filter(|_| says_for_whom);
        let acted = acted.map(|name| self.language.texts().acting.protocol.with("organisation", name).to_string());
        let is_under = says_for_whom && !text("mandate").is_empty();
        let mandate = is_under.then(|| t.under_mandate.with("mandate", text("mandate")).to_string());
        Some(Entry {
            id: event.id.clone(),
            at: event.at,
            who: match self.who(&event.actor, text("office")) {
                // Somebody else, but nobody strange.
                _ if self.is_other(&event.actor) && !text("mandate").is_empty() && text("office").is_empty() => {
                    t.who_mandate.to_string()
                }
                who => who,
            },
            what: [Some(what.to_string()), acted, mandate].into_iter().flatten().collect::<Vec<_>>().join(" "),
            purpose,
            basis: topic.basis(t).to_string(),
        })
    }

    /// Which attributes were set and which removed, by name; what their values were is told nowhere.
    fn changes(&self, detail: &serde_json::Value) -> String {
        let t = self.language.texts();
        let names = |list: &str| {
            let names = Vec::<AttributeName>::deserialize(&detail[list]).unwrap_or_default();
            names.into_iter().map(|name| name.label(t).as_str()).collect::<Vec<_>>().join(", ")
        };
        let parts = [("set", &t.protocol.attributes_set), ("removed", &t.protocol.attributes_removed)];
        let told =
            parts.map(|(list, sentence)| (names(list), sentence)).into_iter().filter(|(names, _)| !names.is_empty());
        told.map(|(names, sentence)| sentence.with("data", names).to_string()).collect::<Vec<_>>().join(" ")
    }

    /// Where the evidence comes from.
    fn source(&self, detail: &serde_json::Value) -> &'static str {
        Source::deserialize(&detail["source"]).map_or("", |source| source.label(self.language.texts()).as_str())
    }

    /// Why an office has not confirmed.
    fn refusal(&self, detail: &serde_json::Value) -> &'static str {
        Refusal::deserialize(&detail["refusal"]).map_or("", |refusal| refusal.words(self.language.texts()).as_str())
    }

    fn is_other(&self, actor: &str) -> bool {
        actor.starts_with("acc_") && actor != self.account.as_str()
    }

    /// Nobody of the operator's or of an office is named: the owner learns that it was support, or which office, and asks by
    /// the id.
    fn who(&self, actor: &str, office: &str) -> String {
        let t = &self.language.texts().protocol;
        match actor.split_once(':') {
            _ if actor == self.account.as_str() => t.who_you.to_string(),
            Some(("client", id)) => {
                self.registry.known(id).map_or_else(|| id.to_owned(), |(client, _)| client.title(self.language))
            }
            Some(("operator", _)) => t.who_support.with("operator", &self.config.operator.name).to_string(),
            Some(("system", _)) => t.who_program.to_string(),
            None if actor.starts_with("acc_") && !office.is_empty() => office.to_owned(),
            _ => t.who_visitor.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind that the source records is worded here or concerns no account.
    #[test]
    fn every_kind_has_its_sentence() {
        let mut recorded = audit::tests::recorded_kinds();
        recorded.retain(|kind| {
            let others = ["client.", "registration.", "keys.", "audit.", "code_devices.", "office."];
            // What concerns an organisation is worded in its own protocol; mandates, postboxes and safes are of both.
            let families = crate::organisation::protocol::FAMILIES
                .into_iter()
                .filter(|family| !["mandate.", "postbox.", "safe."].contains(family));
            let others = others.into_iter().chain(families);
            !others.into_iter().any(|other| kind.starts_with(other))
        });
        assert!(recorded.len() > 25);
        recorded.sort_unstable();
        let mut worded: Vec<_> = KINDS.iter().map(|(kind, ..)| (*kind).to_owned()).collect();
        worded.sort_unstable();
        assert_eq!(recorded, worded);
    }
}
