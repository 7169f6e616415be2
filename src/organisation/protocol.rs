//! The protocol of an organisation: what was done with it, by whom and to whom, in words, for those who may look. It is the
//! audit trail, nothing else, so that the organisation can delete nothing of it.

use std::collections::HashMap;

use serde::Deserialize as _;

use super::area::{self, Area};
use super::desk::Refusal;
use super::member::Right;
use super::roster;
use crate::app::AppParts;
use crate::audit::{self, Recorded, Wanted};
use crate::kernel::csv;
use crate::kernel::error::Error;
use crate::kernel::id::{EventId, MembershipId, OrganisationId};
use crate::kernel::seal::DataKey;
use crate::kernel::texts::{Language, OrganisationProtocolTexts, Text, moment};
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;

/// What an event is about, and what one can filter by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The organisation itself: its data, its evidence, its state.
    Organisation,
    /// Who belongs to it, and what they may do.
    Members,
    Invitations,
    /// Areas, and which post goes where.
    Areas,
    /// Keys of its own programs.
    Keys,
    /// What members do at services in its name.
    Acting,
    /// Who may act for it, and for whom it may.
    Mandates,
    /// What lies in its postbox, and what became of it.
    Postbox,
    /// The same of its safe.
    Safe,
}

impl Topic {
    pub const ALL: [Self; 9] = [
        Self::Organisation,
        Self::Members,
        Self::Invitations,
        Self::Areas,
        Self::Keys,
        Self::Acting,
        Self::Mandates,
        Self::Postbox,
        Self::Safe,
    ];

    /// As it stands in the address of the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::Members => "mitglieder",
            Self::Invitations => "einladungen",
            Self::Areas => "bereiche",
            Self::Keys => "schluessel",
            Self::Acting => "handeln",
            Self::Mandates => "vollmachten",
            Self::Postbox => "postfach",
            Self::Safe => "safe",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    pub fn title(self, t: &OrganisationProtocolTexts) -> &Text {
        match self {
            Self::Organisation => &t.topic_organisation,
            Self::Members => &t.topic_members,
            Self::Invitations => &t.topic_invitations,
            Self::Areas => &t.topic_areas,
            Self::Keys => &t.topic_keys,
            Self::Acting => &t.topic_acting,
            Self::Mandates => &t.topic_mandates,
            Self::Postbox => &t.topic_postbox,
            Self::Safe => &t.topic_safe,
        }
    }
}

type Sentence = fn(&OrganisationProtocolTexts) -> &Text;

/// How the kinds begin whose subject is an organisation. A test holds that each of theirs is in the table.
pub const FAMILIES: [&str; 8] =
    ["organisation.", "member.", "handover.", "invitation.", "area.", "mandate.", "postbox.", "safe."];

/// Every kind of event that has an organisation for its subject.
#[rustfmt::skip]
pub const KINDS: &[(&str, Topic, Sentence)] = &[
    ("organisation.opened",  Topic::Organisation, |t| &t.organisation_opened),
    ("organisation.changed", Topic::Organisation, |t| &t.organisation_changed),
    ("organisation.evidence_recorded", Topic::Organisation, |t| &t.organisation_evidence_recorded),
    ("organisation.register_differs", Topic::Organisation, |t| &t.organisation_register_differs),
    ("organisation.account_refused", Topic::Organisation, |t| &t.organisation_account_refused),
    ("organisation.letter_ordered", Topic::Organisation, |t| &t.organisation_letter_ordered),
    ("organisation.letter_refused", Topic::Organisation, |t| &t.organisation_letter_refused),
    ("organisation.desk_taken", Topic::Organisation, |t| &t.organisation_desk_taken),
    ("organisation.desk_looked_at", Topic::Organisation, |t| &t.organisation_desk_looked_at),
    ("organisation.desk_checked", Topic::Organisation, |t| &t.organisation_desk_checked),
    ("organisation.desk_confirmed", Topic::Organisation, |t| &t.organisation_desk_confirmed),
    ("organisation.desk_refused", Topic::Organisation, |t| &t.organisation_desk_refused),
    ("organisation.desk_void", Topic::Organisation, |t| &t.organisation_desk_void),
    ("organisation.blocked", Topic::Organisation, |t| &t.organisation_blocked),
    ("organisation.unblocked", Topic::Organisation, |t| &t.organisation_unblocked),
    ("organisation.insolvent", Topic::Organisation, |t| &t.organisation_insolvent),
    ("organisation.solvent", Topic::Organisation, |t| &t.organisation_solvent),
    ("organisation.closing", Topic::Organisation, |t| &t.organisation_closing),
    ("organisation.kept", Topic::Organisation, |t| &t.organisation_kept),
    ("organisation.closed", Topic::Organisation, |t| &t.organisation_closed),
    ("organisation.claimed", Topic::Organisation, |t| &t.organisation_claimed),
    ("organisation.claim_proposed", Topic::Organisation, |t| &t.organisation_claim_proposed),
    ("organisation.claim_decided", Topic::Organisation, |t| &t.organisation_claim_decided),
    ("organisation.looked_up", Topic::Organisation, |t| &t.organisation_looked_up),
    ("object.damaged",       Topic::Organisation, |t| &t.object_damaged),
    ("member.joined",        Topic::Members,      |t| &t.member_joined),
    ("member.rights_given",  Topic::Members,      |t| &t.member_rights_given),
    ("member.rights_taken",  Topic::Members,      |t| &t.member_rights_taken),
    ("member.ended",         Topic::Members,      |t| &t.member_ended),
    ("member.left",          Topic::Members,      |t| &t.member_left),
    ("member.gone",          Topic::Members,      |t| &t.member_gone),
    ("handover.offered",     Topic::Members,      |t| &t.handover_offered),
    ("handover.accepted",    Topic::Members,      |t| &t.handover_accepted),
    ("handover.declined",    Topic::Members,      |t| &t.handover_declined),
    ("handover.withdrawn",   Topic::Members,      |t| &t.handover_withdrawn),
    ("invitation.sent",      Topic::Invitations,  |t| &t.invitation_sent),
    ("invitation.sent_again", Topic::Invitations, |t| &t.invitation_sent_again),
    ("invitation.withdrawn", Topic::Invitations,  |t| &t.invitation_withdrawn),
    ("invitation.declined",  Topic::Invitations,  |t| &t.invitation_declined),
    ("invitation.void",      Topic::Invitations,  |t| &t.invitation_void),
    ("area.added",           Topic::Areas,        |t| &t.area_added),
    ("area.renamed",         Topic::Areas,        |t| &t.area_renamed),
    ("area.removed",         Topic::Areas,        |t| &t.area_removed),
    ("area.rule_set",        Topic::Areas,        |t| &t.area_rule_set),
    ("area.rule_removed",    Topic::Areas,        |t| &t.area_rule_removed),
    ("organisation_key.made", Topic::Keys, |t| &t.key_made),
    ("organisation_key.ended", Topic::Keys, |t| &t.key_ended),
    ("organisation_key.taken_over", Topic::Keys, |t| &t.key_taken_over),
    ("organisation_key.reminded", Topic::Keys, |t| &t.key_reminded),
    ("organisation_key.stopped", Topic::Keys, |t| &t.key_stopped),
    ("mandate.asked", Topic::Mandates, |t| &t.mandate_asked),
    ("mandate.offered", Topic::Mandates, |t| &t.mandate_offered),
    ("mandate.passed_on", Topic::Mandates, |t| &t.mandate_passed_on),
    ("mandate.accepted", Topic::Mandates, |t| &t.mandate_accepted),
    ("mandate.declined", Topic::Mandates, |t| &t.mandate_declined),
    ("mandate.withdrawn", Topic::Mandates, |t| &t.mandate_withdrawn),
    ("mandate.revoked", Topic::Mandates, |t| &t.mandate_revoked),
    ("mandate.returned", Topic::Mandates, |t| &t.mandate_returned),
    ("mandate.gone", Topic::Mandates, |t| &t.mandate_gone),
    ("mandate.taken_up", Topic::Mandates, |t| &t.mandate_taken_up),
    ("mandate.laid_down", Topic::Mandates, |t| &t.mandate_laid_down),
    ("postbox.provided", Topic::Postbox, |t| &t.postbox_provided),
    ("postbox.opened", Topic::Postbox, |t| &t.postbox_opened),
    ("postbox.acknowledged", Topic::Postbox, |t| &t.postbox_acknowledged),
    ("postbox.archived", Topic::Postbox, |t| &t.postbox_archived),
    ("postbox.unarchived", Topic::Postbox, |t| &t.postbox_unarchived),
    ("postbox.deleted", Topic::Postbox, |t| &t.postbox_deleted),
    ("postbox.restored", Topic::Postbox, |t| &t.postbox_restored),
    ("postbox.replied", Topic::Postbox, |t| &t.postbox_replied),
    ("postbox.paper", Topic::Postbox, |t| &t.postbox_paper),
    ("postbox.paper_case", Topic::Postbox, |t| &t.postbox_paper_case),
    ("postbox.electronic", Topic::Postbox, |t| &t.postbox_electronic),
    ("postbox.electronic_case", Topic::Postbox, |t| &t.postbox_electronic_case),
    ("safe.added", Topic::Safe, |t| &t.safe_added),
    ("safe.version_added", Topic::Safe, |t| &t.safe_version_added),
    ("safe.changed", Topic::Safe, |t| &t.safe_changed),
    ("safe.fetched", Topic::Safe, |t| &t.safe_fetched),
    ("safe.deleted", Topic::Safe, |t| &t.safe_deleted),
    ("safe.version_deleted", Topic::Safe, |t| &t.safe_version_deleted),
    ("safe.shared", Topic::Safe, |t| &t.safe_shared),
    ("safe.share_ended", Topic::Safe, |t| &t.safe_share_ended),
    ("safe.share_fetched", Topic::Safe, |t| &t.safe_share_fetched),
    ("safe.refused", Topic::Safe, |t| &t.safe_refused),
    ("acting.chosen", Topic::Acting, |t| &t.acting_chosen),
    ("acting.ended", Topic::Acting, |t| &t.acting_ended),
    ("grant.issued", Topic::Acting, |t| &t.grant_issued),
    ("grant.revoked", Topic::Acting, |t| &t.grant_revoked),
    ("code.refused", Topic::Acting, |t| &t.code_refused),
    ("refresh.refused", Topic::Acting, |t| &t.refresh_refused),
    ("token.exchanged", Topic::Acting, |t| &t.token_exchanged),
    ("consent.given", Topic::Acting, |t| &t.consent_given),
    ("consent.withdrawn", Topic::Acting, |t| &t.consent_withdrawn),
];

/// One line of the protocol.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The event's id: names the line in a question to support, and is where the next page begins.
    pub id: EventId,
    pub at: Timestamp,
    pub who: String,
    /// Their membership, if it was somebody of the organisation.
    pub by: Option<MembershipId>,
    pub what: String,
    /// Why, where somebody had to say so.
    pub reason: String,
}

/// What somebody wants to see of it.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub topic: Option<Topic>,
    pub person: Option<MembershipId>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// How services are called, which are known further to the right.
pub type Titles<'a> = &'a (dyn Fn(&str) -> String + Send + Sync);

/// Reads and words the protocol of one organisation.
pub struct Reader<'a> {
    pub app: &'a AppParts,
    pub organisation: &'a OrganisationId,
    pub language: Language,
    pub titles: Titles<'a>,
}

/// What words need to know besides the events: looked up once for a page.
struct Lookup {
    key: DataKey,
    areas: Vec<Area>,
    names: HashMap<String, Option<(MembershipId, String)>>,
}

impl Reader<'_> {
    /// At most `limit` lines older than the event `before`, newest first.
    pub async fn read(
        &self,
        tx: &mut Tx,
        filter: &Filter,
        before: Option<&EventId>,
        limit: i64,
    ) -> Result<Vec<Entry>, Error> {
        let of_topic = |(_, one, _): &&(_, Topic, _)| filter.topic.is_none_or(|topic| topic == *one);
        let kinds: Vec<&str> = KINDS.iter().filter(of_topic).map(|(kind, ..)| *kind).collect();
        let actor = match &filter.person {
            Some(person) => match roster::account_of(tx, self.organisation, person).await? {
                Some(account) => Some(account),
                // Nobody of this organisation has done anything.
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        let actor = actor.as_ref().map(|account| account.as_str());
        let wanted = Wanted { actor, from: filter.from, until: filter.until };
        let subject = self.organisation.as_str();
        let events = audit::of_kinds_wanted(tx, (subject, &kinds), wanted, before, limit).await?;
        let mut lookup = self.look_up(tx).await?;
        let mut entries = Vec::with_capacity(events.len());
        for event in &events {
            entries.extend(self.word(tx, &mut lookup, event).await?);
        }
        Ok(entries)
    }

    async fn look_up(&self, tx: &mut Tx) -> Result<Lookup, Error> {
        let vault = &self.app.vault;
        let key = super::key(tx, vault, self.organisation).await?;
        Ok(Lookup { key, areas: area::list(tx, vault, self.organisation).await?, names: HashMap::new() })
    }

    /// The event in words; `None` if it is of no kind that people read.
    async fn word(&self, tx: &mut Tx, lookup: &mut Lookup, event: &Recorded) -> Result<Option<Entry>, Error> {
        let t = &self.language.texts().organisation_protocol;
        let Some((.., sentence)) = KINDS.iter().find(|(kind, ..)| *kind == event.kind) else { return Ok(None) };
        let detail: serde_json::Value = serde_json::from_str(&event.detail).unwrap_or_default();
        let text = |name: &str| detail[name].as_str().unwrap_or_default();
        let rights = Vec::<Right>::deserialize(&detail["rights"]).unwrap_or_default();
        let member = self.name(tx, lookup, text("member")).await?;
        let area = lookup.areas.iter().find(|area| area.id.as_str() == text("area"));
        let what = sentence(t)
            .with("member", member.map_or_else(|| t.who_unknown.to_string(), |(_, name)| name))
            .with("rights", words(self.language, &rights, &lookup.areas, self.titles))
            .with("area", area.map_or(t.area_gone.as_str(), |area| &area.name))
            .with("service", if text("client").is_empty() { String::new() } else { (self.titles)(text("client")) })
            .with("key", text("key"))
            .with("mandate", text("mandate"))
            .with("refusal", self.refusal(&detail))
            .with("count", detail["rights_ended"].as_i64().unwrap_or_default());
        let is_under = !event.kind.starts_with("mandate.") && !text("mandate").is_empty();
        let mandate = is_under.then(|| t.under_mandate.with("mandate", text("mandate")).to_string());
        let what = [Some(what.to_string()), mandate].into_iter().flatten().collect::<Vec<_>>().join(". ");
        let by = self.name(tx, lookup, &event.actor).await?;
        let who = match (&by, event.actor.split_once(':')) {
            (Some((_, name)), _) => name.clone(),
            (None, Some(("operator", _))) => {
                t.who_operator.with("operator", &self.app.config.operator.name).to_string()
            }
            (None, Some(("system", _))) => t.who_program.to_string(),
            (None, Some(("client", id))) => (self.titles)(id),
            // Nobody of an office is named.
            (None, None) if !text("office").is_empty() => text("office").to_owned(),
            (None, None) if text("source") == "registration_desk" => t.who_office.to_string(),
            (None, _) if event.actor.starts_with("acc_") && !text("mandate").is_empty() => t.who_mandate.to_string(),
            (None, _) if event.actor.starts_with("acc_") => t.who_unknown.to_string(),
            (None, _) => t.who_visitor.to_string(),
        };
        let (by, reason) = (by.map(|(id, _)| id), event.reason.clone().unwrap_or_default());
        Ok(Some(Entry { id: event.id.clone(), at: event.at, who, by, what, reason }))
    }

    /// Why an office has not confirmed.
    fn refusal(&self, detail: &serde_json::Value) -> &'static str {
        Refusal::deserialize(&detail["refusal"]).map_or("", |refusal| refusal.words(self.language.texts()).as_str())
    }

    /// What somebody is called, by account or membership.
    async fn name(&self, tx: &mut Tx, lookup: &mut Lookup, who: &str) -> Result<Option<(MembershipId, String)>, Error> {
        if !who.starts_with("acc_") && !who.starts_with("mem_") {
            return Ok(None);
        }
        if let Some(known) = lookup.names.get(who) {
            return Ok(known.clone());
        }
        let found = roster::name(tx, &lookup.key, self.organisation, who).await?;
        lookup.names.insert(who.to_owned(), found.clone());
        Ok(found)
    }
}

/// Rights as people read them, one after the other.
pub fn words(language: Language, rights: &[Right], areas: &[Area], titles: Titles<'_>) -> String {
    rights.iter().map(|right| right_words(language, right, areas, titles)).collect::<Vec<_>>().join(", ")
}

/// One right as people read it.
pub fn right_words(language: Language, right: &Right, areas: &[Area], titles: Titles<'_>) -> String {
    let t = &language.texts().members;
    let area = |id: &Option<crate::kernel::id::AreaId>| match id {
        None => t.area_general.to_string(),
        Some(id) => areas
            .iter()
            .find(|area| area.id == *id)
            .map_or_else(|| language.texts().organisation_protocol.area_gone.to_string(), |area| area.name.clone()),
    };
    match right {
        Right::Administration => t.right_administration.to_string(),
        Right::Representation => t.right_representation.to_string(),
        Right::ReadMail(id) => t.right_read_mail.with("area", area(id)).to_string(),
        Right::AnswerMail(id) => t.right_answer_mail.with("area", area(id)).to_string(),
        Right::UseService(client) => t.right_use_service.with("service", titles(&client.0)).to_string(),
        Right::Documents => t.right_documents.to_string(),
        Right::Mandates => t.right_mandates.to_string(),
        Right::Audit => t.right_audit.to_string(),
    }
}

/// The first line of the protocol as CSV.
pub fn csv_head(language: Language) -> String {
    let t = &language.texts().organisation_protocol;
    csv::line(&[&t.column_at, &t.column_who, &t.column_what, &t.column_reason, &t.column_id].map(|text| text.as_str()))
}

/// One line of the protocol as CSV.
pub fn csv_entry(language: Language, entry: &Entry) -> String {
    let at = moment::date_and_clock(language, entry.at);
    csv::line(&[&at, &entry.who, &entry.what, &entry.reason, entry.id.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of these families that the source records is worded here, and nothing is worded that nobody records.
    #[test]
    fn every_kind_has_its_sentence() {
        let recorded = audit::tests::recorded_kinds();
        let worded: Vec<&str> = KINDS.iter().map(|(kind, ..)| *kind).collect();
        let of_families = recorded.iter().filter(|kind| FAMILIES.iter().any(|family| kind.starts_with(family)));
        let missing: Vec<_> = of_families.filter(|kind| !worded.contains(&kind.as_str())).collect();
        assert!(missing.is_empty(), "without a sentence: {missing:?}");
        let unknown: Vec<_> = worded.iter().filter(|kind| !recorded.iter().any(|known| known == *kind)).collect();
        assert!(unknown.is_empty() && worded.len() > 20, "recorded by nobody: {unknown:?}");
    }
}
