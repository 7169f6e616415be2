//! What was found of the electronic seals and signatures of a PDF, in words and for programs.

use serde_json::{Value, json};

use crate::kernel::pdf_seal::{Seal, State, Verdict};
use crate::kernel::texts::moment::{date, date_and_clock};
use crate::kernel::texts::{Language, SealTexts, Text};
use crate::postbox::receipt::moment;

/// Of so many something is said on a page, the worst first; the others are counted.
const SHOWN_MAX: usize = 2;

/// The state of the whole file, then of each seal.
pub fn lines(language: Language, verdict: &Verdict) -> Vec<String> {
    let t = &language.texts().seal;
    let mut lines = vec![t.title.with("state", state(t, verdict.state())).to_string()];
    let mut seals: Vec<&Seal> = verdict.seals.iter().collect();
    seals.sort_by_key(|seal| std::cmp::Reverse(seal.state));
    lines.extend(seals.iter().take(SHOWN_MAX).map(|seal| line(language, t, seal)));
    if let more @ 1.. = seals.len().saturating_sub(SHOWN_MAX) {
        lines.push(t.more.with("count", more).to_string());
    }
    lines.push(t.judged.with("date", date(language, verdict.judged_at)).to_string());
    lines
}

/// In one word.
pub const fn state(t: &SealTexts, state: Option<State>) -> &Text {
    match state {
        Some(State::Valid) => &t.valid,
        Some(State::Expired) => &t.expired,
        Some(State::Untrusted) => &t.untrusted,
        Some(State::Unreadable) => &t.unreadable,
        Some(State::Altered) => &t.altered,
        None => &t.none,
    }
}

fn line(language: Language, t: &SealTexts, seal: &Seal) -> String {
    let text = match seal.state {
        State::Unreadable if seal.is_time_stamp => &t.time_stamp_text,
        State::Unreadable => &t.unreadable_text,
        State::Altered if seal.is_extended => &t.extended_text,
        State::Altered => &t.altered_text,
        State::Valid if seal.is_extended => &t.earlier_text,
        State::Valid => &t.valid_text,
        State::Expired => &t.expired_text,
        State::Untrusted => &t.untrusted_text,
    };
    let signer = match (&seal.signer, &seal.organisation) {
        (Some(signer), Some(organisation)) if signer != organisation => format!("{signer} ({organisation})"),
        (Some(name), _) | (None, Some(name)) => name.clone(),
        (None, None) => t.nameless.to_string(),
    };
    let issuer = seal.issuer.as_deref().unwrap_or_else(|| t.nameless.as_str());
    let mut line = text.with("issuer", issuer).with("signer", signer).to_string();
    if let (Some(claimed_at), true) = (seal.claimed_at, seal.state <= State::Untrusted) {
        line.push(' ');
        line.push_str(t.claimed.with("time", date_and_clock(language, claimed_at)).as_str());
    }
    line
}

/// As an answer to a program has it.
pub fn described(verdict: &Verdict) -> Value {
    let seal = |seal: &Seal| {
        let mut value = json!({ "state": seal.state });
        for (name, text) in [("signer", &seal.signer), ("organisation", &seal.organisation), ("issuer", &seal.issuer)] {
            if let Some(text) = text {
                value[name] = json!(text);
            }
        }
        if let Some(at) = seal.claimed_at {
            value["claimed_at"] = json!(moment(at));
        }
        for (name, is_so) in [("is_extended", seal.is_extended), ("is_time_stamp", seal.is_time_stamp)] {
            if is_so {
                value[name] = json!(true);
            }
        }
        value
    };
    let state = verdict.state().map_or(json!("none"), |state| json!(state));
    let seals: Value = verdict.seals.iter().map(seal).collect();
    json!({ "state": state, "judged_at": moment(verdict.judged_at), "seals": seals })
}
