//! The dispatcher: the only place that decides what an authorization request needs next.
//!
//! A pure function of stored state. Steps do not know each other; each returns here, and the decision is made
//! afresh. `prompt=none` turns every step that would need the person into its error.

use super::consent::CONSENT_LIFETIME;
use super::request::AuthorizationRequest;
use super::response::Destination;
use crate::kernel::error::Protocol;
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;

/// What counts of the browser's session.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    pub level: Level,
    /// The highest level that its owner could have by signing in otherwise, or by registering something new to do so with.
    pub reachable: Level,
    pub authenticated_at: Timestamp,
    /// The subject this client sees of whomever its owner acts for here.
    pub subject: String,
    pub acting: ActingFacts,
}

/// What counts of for whom the owner of a session acts, at this client. All `false` where there is nobody else for whom they could.
#[derive(Clone, Debug, Default)]
pub struct ActingFacts {
    /// Whether the client serves nobody who acts for themselves.
    pub only_organisations: bool,
    /// Whether they act for others, and may do so at this client.
    pub is_for_others: bool,
    /// What was said in this session does not count, or not here.
    pub is_lost: bool,
    /// Whether there is anybody else for whom they may act here.
    pub has_choice: bool,
    /// Whether the subject that the request names is one of those, or is theirs.
    pub is_expected_choice: bool,
    /// When they have last said for whom they act, in this session.
    pub chosen_at: Option<Timestamp>,
    /// How well they must be signed in to act so, whatever the client wants.
    pub needs: Option<Level>,
}

/// What counts of an earlier consent.
#[derive(Clone, Debug)]
pub struct ConsentFacts {
    /// Whether it covers all that the request wants, in the words that hold today.
    pub covers: bool,
    pub granted_at: Timestamp,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    SignIn,
    /// Open an account (Initiating User Registration via OpenID Connect 1.0).
    Register,
    RaiseLevel(Level),
    /// Ask for whom they act.
    ChooseActing,
    /// Ask whether the device that waits is theirs (RFC 8628 section 5.4).
    ConfirmDevice,
    /// Ask whether they want to go on to a client that has registered itself and that nobody has checked.
    ConfirmClient,
    Consent,
    /// Ask which document they share.
    ShareDocument,
    Issue,
    Refuse(Protocol),
}

/// Everything the decision depends on.
pub struct Situation<'a> {
    pub request: &'a AuthorizationRequest,
    /// When the request arrived: what the client demands to happen counts only after it.
    pub created_at: Timestamp,
    pub session: Option<&'a SessionFacts>,
    pub consent: Option<&'a ConsentFacts>,
    /// Whether it was said in this session that the device that waits is theirs.
    pub is_confirmed: bool,
    /// Whether it was said in this session to go on with a lower level than the client would like.
    pub is_level_declined: bool,
    /// Whether nobody has checked the client, and it was not said in this session that the person wants to go on to it.
    pub is_unchecked: bool,
    /// Whether the document that the request asks for was shared in this session.
    pub is_shared: bool,
    pub now: Timestamp,
}

/// Decides.
pub fn next_step(situation: &Situation<'_>) -> Step {
    let step = interactive_step(situation);
    if !situation.request.prompt.none {
        return step;
    }
    // OpenID Connect Core section 3.1.2.6
    let refuse = |code, description| Step::Refuse(Protocol { code, description, detail: None });
    match step {
        // What the client only would like does not stop it.
        Step::RaiseLevel(level) if level > least(situation) => {
            next_step(&Situation { is_level_declined: true, ..*situation })
        }
        Step::SignIn | Step::Register => refuse("login_required", "the person would have to sign in"),
        Step::RaiseLevel(_) => refuse("interaction_required", "the person would have to raise the level"),
        Step::ChooseActing if has_choice(situation) => {
            refuse("account_selection_required", "the person would have to choose for whom they act")
        }
        Step::ChooseActing => refuse("interaction_required", "the person may act for nobody whom this client serves"),
        Step::ConfirmDevice => refuse("interaction_required", "the person would have to confirm the device"),
        Step::ShareDocument => refuse("interaction_required", "the person would have to choose a document"),
        Step::ConfirmClient | Step::Consent => refuse("consent_required", "the person would have to consent"),
        step => step,
    }
}

/// The level without which nothing is issued.
fn least(situation: &Situation<'_>) -> Level {
    let needs = situation.session.and_then(|session| session.acting.needs);
    needs.map_or(situation.request.level, |needs| needs.max(situation.request.level))
}

/// Whether there is anything to choose from, where somebody is asked for whom they act.
fn has_choice(situation: &Situation<'_>) -> bool {
    situation.session.is_some_and(|session| session.acting.has_choice || !session.acting.only_organisations)
}

/// Whether it has to be said for whom somebody acts: nobody who acts for one party is taken for another.
fn must_choose(request: &AuthorizationRequest, created_at: Timestamp, session: &SessionFacts) -> bool {
    let ActingFacts { only_organisations, is_for_others, is_lost, has_choice, chosen_at, .. } = session.acting;
    let is_other = request.expected_subject.as_ref().is_some_and(|subject| *subject != session.subject);
    let asked_anew = request.prompt.select && chosen_at.is_none_or(|chosen_at| chosen_at < created_at);
    is_lost || is_other || (only_organisations && !is_for_others) || (has_choice && (chosen_at.is_none() || asked_anew))
}

fn interactive_step(situation: &Situation<'_>) -> Step {
    let &Situation { request, created_at, session, consent, now, .. } = situation;
    let Some(session) = session else {
        return if request.prompt.create { Step::Register } else { Step::SignIn };
    };
    let signed_in_since = session.authenticated_at >= created_at;
    if request.prompt.create && !signed_in_since {
        return Step::Register;
    }
    let too_old = request.max_age.is_some_and(|age| session.authenticated_at.plus(age) < now) && !signed_in_since;
    let is_meant = |subject: &String| *subject == session.subject || session.acting.is_expected_choice;
    let someone_else = request.expected_subject.as_ref().is_some_and(|subject| !is_meant(subject));
    // Who has nobody to choose but themselves chooses an account by signing in anew.
    let login = request.prompt.login || (request.prompt.select && !session.acting.has_choice);
    if (login && !signed_in_since) || too_old || (someone_else && !signed_in_since) {
        return Step::SignIn;
    }
    if someone_else {
        let description = "somebody else than id_token_hint names has signed in";
        return Step::Refuse(Protocol { code: "login_required", description, detail: None });
    }
    if session.level < least(situation) {
        return Step::RaiseLevel(least(situation));
    }
    if let Some(wished) = request.wished_level
        && session.level < wished
        && wished <= session.reachable
        && !situation.is_level_declined
    {
        return Step::RaiseLevel(wished);
    }
    if must_choose(request, created_at, session) {
        return Step::ChooseActing;
    }
    if matches!(request.target, Destination::Device(_)) && !situation.is_confirmed {
        return Step::ConfirmDevice;
    }
    let consented = consent.is_some_and(|consent| {
        consent.covers
            && consent.granted_at.plus(CONSENT_LIFETIME) > now
            && (!request.prompt.consent || consent.granted_at >= created_at)
    });
    match (consented, situation.is_unchecked) {
        (true, _) if request.document.is_some() && !situation.is_shared => Step::ShareDocument,
        (true, _) => Step::Issue,
        (false, true) => Step::ConfirmClient,
        (false, false) => Step::Consent,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::claims_request::RequestedClaims;
    use super::super::device::DeviceHash;
    use super::super::document;
    use super::super::request::{Parameters, Prompt};
    use super::super::response::{Mode, Target};
    use super::*;
    use crate::kernel::id::ClientId;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);
    const CREATED: Timestamp = Timestamp::from_seconds(1_795_424_500);

    fn request(change: impl FnOnce(&mut AuthorizationRequest)) -> AuthorizationRequest {
        let mut request = AuthorizationRequest {
            client: ClientId("parken".into()),
            target: Destination::Client(Target {
                redirect_uri: "https://rp.example/cb".into(),
                mode: Mode::Query,
                state: None,
            }),
            nonce: None,
            scope: "openid profile".into(),
            challenge: None,
            prompt: Prompt::default(),
            max_age: None,
            expected_subject: None,
            login_hint: None,
            claims: RequestedClaims::default(),
            resource: None,
            confirmation: None,
            document: None,
            language: None,
            level: Level::Basic,
            wished_level: None,
        };
        change(&mut request);
        request
    }

    fn session(seconds_ago: u64) -> SessionFacts {
        let authenticated_at = NOW.minus(Duration::from_secs(seconds_ago));
        let (level, reachable) = (Level::Basic, Level::Substantial);
        SessionFacts { level, reachable, authenticated_at, subject: "renate".into(), acting: ActingFacts::default() }
    }

    fn consent(covers: bool, seconds_ago: u64) -> ConsentFacts {
        ConsentFacts { covers, granted_at: NOW.minus(Duration::from_secs(seconds_ago)) }
    }

    fn decide(request: &AuthorizationRequest, session: Option<&SessionFacts>, consent: Option<&ConsentFacts>) -> Step {
        next_step(&Situation {
            request,
            created_at: CREATED,
            session,
            consent,
            is_confirmed: false,
            is_level_declined: false,
            is_unchecked: false,
            is_shared: false,
            now: NOW,
        })
    }

    /// What was asked, who is there, what was allowed; what comes next, and which error it is with `prompt=none`.
    struct Row(
        &'static str,
        fn(&mut AuthorizationRequest),
        Option<SessionFacts>,
        Option<ConsentFacts>,
        Step,
        &'static str,
    );

    const OLD: u64 = 300_000;

    #[rustfmt::skip]
    fn rows() -> Vec<Row> {
        let old = || Some(session(OLD));
        let all = || Some(consent(true, OLD));
        vec![
            Row("nobody",                 |_| {},                                                None,              all(), Step::SignIn,  "login_required"),
            Row("session and consent",    |_| {},                                                old(),             all(), Step::Issue,   ""),
            Row("no consent",             |_| {},                                                old(),             None,  Step::Consent, "consent_required"),
            Row("less consent",           |_| {},                                                old(),             Some(consent(false, OLD)), Step::Consent, "consent_required"),
            Row("consent of last year",   |_| {},                                                old(),             Some(consent(true, 31_536_001)), Step::Consent, "consent_required"),
            Row("max_age passed",         |r| r.max_age = Some(Duration::from_secs(60)),         Some(session(61)), all(), Step::SignIn,  "login_required"),
            Row("max_age holds",          |r| r.max_age = Some(Duration::from_secs(60)),         Some(session(60)), all(), Step::Issue,   ""),
            Row("max_age zero, since",    |r| r.max_age = Some(Duration::ZERO),                  Some(session(10)), all(), Step::Issue,   ""),
            Row("max_age zero, before",   |r| r.max_age = Some(Duration::ZERO),                  old(),             all(), Step::SignIn,  "login_required"),
            Row("somebody else",          |r| r.expected_subject = Some("emre".into()),          old(),             all(), Step::SignIn,  "login_required"),
            Row("the right one",          |r| r.expected_subject = Some("renate".into()),        old(),             all(), Step::Issue,   ""),
            Row("level too low",          |r| r.level = Level::Substantial,                      old(),             all(), Step::RaiseLevel(Level::Substantial), "interaction_required"),
        ]
    }

    #[test]
    fn the_table() {
        for Row(name, change, session, consent, step, code) in rows() {
            let asked = request(change);
            assert_eq!(decide(&asked, session.as_ref(), consent.as_ref()), step, "{name}");
            let silent = request(|r| {
                change(r);
                r.prompt.none = true;
            });
            match decide(&silent, session.as_ref(), consent.as_ref()) {
                Step::Issue => assert_eq!(code, "", "{name}, prompt=none"),
                Step::Refuse(error) => assert_eq!(error.code, code, "{name}, prompt=none"),
                other => panic!("{name}: prompt=none must not need the person: {other:?}"),
            }
        }
    }

    #[test]
    fn whose_device_it_is_is_asked_before_anything_is_given() {
        let device = |level| {
            request(|r| {
                r.target = Destination::Device(DeviceHash([1; 32]));
                r.level = level;
            })
        };
        let (here, all) = (session(10), consent(true, 300_000));
        let step = |request: &AuthorizationRequest, consent, is_confirmed| {
            next_step(&Situation {
                request,
                created_at: CREATED,
                session: Some(&here),
                consent,
                is_confirmed,
                is_level_declined: false,
                is_unchecked: false,
                is_shared: false,
                now: NOW,
            })
        };
        let asked = device(Level::Basic);
        assert_eq!(decide(&asked, None, None), Step::SignIn);
        assert_eq!(step(&asked, None, false), Step::ConfirmDevice);
        assert_eq!(step(&asked, Some(&all), false), Step::ConfirmDevice, "whatever was agreed to before");
        assert_eq!(step(&asked, None, true), Step::Consent);
        assert_eq!(step(&asked, Some(&all), true), Step::Issue);
        let high = device(Level::High);
        assert_eq!(step(&high, Some(&all), true), Step::RaiseLevel(Level::High));
    }

    #[test]
    fn a_level_that_is_only_wished_for_stops_nobody() {
        let wish = |level| request(|r| r.wished_level = Some(level));
        let (here, all) = (session(10), consent(true, 10));
        let decide_with = |request: &AuthorizationRequest, is_level_declined| {
            let (session, consent) = (Some(&here), Some(&all));
            next_step(&Situation {
                request,
                created_at: CREATED,
                session,
                consent,
                is_confirmed: false,
                is_level_declined,
                is_unchecked: false,
                is_shared: false,
                now: NOW,
            })
        };
        let substantial = wish(Level::Substantial);
        assert_eq!(decide_with(&substantial, false), Step::RaiseLevel(Level::Substantial));
        assert_eq!(decide_with(&substantial, true), Step::Issue);
        assert_eq!(decide_with(&wish(Level::High), false), Step::Issue, "beyond what can be reached");
        assert_eq!(decide_with(&wish(Level::Basic), false), Step::Issue);
        let silent = request(|r| {
            r.wished_level = Some(Level::Substantial);
            r.prompt.none = true;
        });
        assert_eq!(decide_with(&silent, false), Step::Issue);
        let needed = request(|r| (r.level, r.wished_level) = (Level::Low, Some(Level::Substantial)));
        assert_eq!(decide_with(&needed, true), Step::RaiseLevel(Level::Low), "what is needed cannot be declined");
    }

    #[test]
    fn sec_a16_a_client_that_nobody_has_checked_is_asked_about_first() {
        let (here, all, other) = (session(10), consent(true, 300_000), consent(false, 300_000));
        let step = |request: &AuthorizationRequest, session, consent| {
            next_step(&Situation {
                request,
                created_at: CREATED,
                session,
                consent,
                is_confirmed: false,
                is_level_declined: false,
                is_unchecked: true,
                is_shared: false,
                now: NOW,
            })
        };
        let usual = request(|_| {});
        assert_eq!(step(&usual, None, None), Step::SignIn, "who is not signed in is not asked anything else");
        assert_eq!(step(&usual, Some(&here), None), Step::ConfirmClient);
        assert_eq!(step(&usual, Some(&here), Some(&other)), Step::ConfirmClient, "it says something else now");
        assert_eq!(step(&usual, Some(&here), Some(&all)), Step::Issue, "agreed to before");
        let device = request(|r| r.target = Destination::Device(DeviceHash([1; 32])));
        assert_eq!(step(&device, Some(&here), None), Step::ConfirmDevice);
        let high = request(|r| r.level = Level::High);
        assert_eq!(step(&high, Some(&here), None), Step::RaiseLevel(Level::High));
        let silent = step(&request(|r| r.prompt.none = true), Some(&here), None);
        assert!(matches!(silent, Step::Refuse(error) if error.code == "consent_required"));
    }

    #[test]
    fn a_document_is_asked_for_last() {
        let details = r#"[{"type":"document","kinds":["Geburtsurkunde"],"purpose":"Elterngeld"}]"#.to_owned();
        let asked = Parameters::new(vec![("authorization_details".to_owned(), details)]).unwrap();
        let document = document::read(&asked).unwrap();
        let (here, all, asking) = (session(10), consent(true, OLD), request(|r| r.document = document.clone()));
        let now = Situation {
            request: &asking,
            created_at: CREATED,
            session: Some(&here),
            consent: Some(&all),
            is_confirmed: false,
            is_level_declined: false,
            is_unchecked: false,
            is_shared: false,
            now: NOW,
        };
        assert_eq!(next_step(&now), Step::ShareDocument);
        assert_eq!(next_step(&Situation { consent: None, ..now }), Step::Consent);
        assert_eq!(next_step(&Situation { is_shared: true, ..now }), Step::Issue);
        let silent = AuthorizationRequest { prompt: Prompt { none: true, ..Prompt::default() }, ..asking.clone() };
        let refused = next_step(&Situation { request: &silent, ..now });
        assert!(matches!(refused, Step::Refuse(error) if error.code == "interaction_required"));
    }

    #[test]
    fn what_the_client_demands_counts_only_afterwards() {
        let login = request(|r| r.prompt.login = true);
        let all = consent(true, 300_000);
        assert_eq!(decide(&login, Some(&session(300_000)), Some(&all)), Step::SignIn);
        assert_eq!(decide(&login, Some(&session(10)), Some(&all)), Step::Issue);
        let create = request(|r| r.prompt.create = true);
        assert_eq!(decide(&create, None, None), Step::Register);
        assert_eq!(decide(&create, Some(&session(300_000)), Some(&all)), Step::Register);
        assert_eq!(decide(&create, Some(&session(10)), Some(&all)), Step::Issue);
        let again = request(|r| r.prompt.consent = true);
        assert_eq!(decide(&again, Some(&session(10)), Some(&all)), Step::Consent);
        assert_eq!(decide(&again, Some(&session(10)), Some(&consent(true, 5))), Step::Issue);
        let hinted = request(|r| r.expected_subject = Some("emre".into()));
        let refused = decide(&hinted, Some(&session(10)), Some(&all));
        assert!(
            matches!(refused, Step::Refuse(error) if error.code == "login_required"),
            "signed in, and still somebody else"
        );
    }

    /// Somebody at a client for people and organisations, or for organisations alone.
    fn acts(change: impl FnOnce(&mut ActingFacts)) -> SessionFacts {
        let mut facts = session(10);
        change(&mut facts.acting);
        facts
    }

    #[test]
    fn for_whom_somebody_acts_is_asked_once_and_never_guessed() {
        let all = consent(true, OLD);
        let (before, since) = (CREATED.minus(Duration::from_secs(60)), CREATED.plus(Duration::from_secs(5)));
        let usual = request(|_| {});
        let select = request(|r| r.prompt.select = true);
        let hinted = request(|r| r.expected_subject = Some("bakery".into()));
        let none = "account_selection_required";
        #[rustfmt::skip]
        let rows = [
            ("nothing to choose",              &usual,  acts(|_| {}),                                                        Step::Issue, ""),
            ("never asked",                    &usual,  acts(|a| a.has_choice = true),                                       Step::ChooseActing, none),
            ("themselves, said before",        &usual,  acts(|a| (a.has_choice, a.chosen_at) = (true, Some(before))),        Step::Issue, ""),
            ("an organisation",                &usual,  acts(|a| (a.is_for_others, a.chosen_at) = (true, Some(before))), Step::Issue, ""),
            ("lost, others left",              &usual,  acts(|a| (a.is_lost, a.has_choice, a.chosen_at) = (true, true, Some(before))), Step::ChooseActing, none),
            ("lost, none left but themselves", &usual,  acts(|a| (a.is_lost, a.chosen_at) = (true, Some(before))),           Step::ChooseActing, none),
            ("only organisations, one",        &usual,  acts(|a| (a.only_organisations, a.is_for_others) = (true, true)), Step::Issue, ""),
            ("only organisations, a choice",   &usual,  acts(|a| (a.only_organisations, a.has_choice) = (true, true)),       Step::ChooseActing, none),
            ("only organisations, none",       &usual,  acts(|a| a.only_organisations = true),                               Step::ChooseActing, "interaction_required"),
            ("only organisations, themselves", &usual,  acts(|a| (a.only_organisations, a.has_choice, a.chosen_at) = (true, true, Some(before))), Step::ChooseActing, none),
            ("asked for anew",                 &select, acts(|a| (a.has_choice, a.is_for_others, a.chosen_at) = (true, true, Some(before))), Step::ChooseActing, ""),
            ("asked for anew, and said",       &select, acts(|a| (a.has_choice, a.is_for_others, a.chosen_at) = (true, true, Some(since))), Step::Issue, ""),
            ("the hint names another choice",  &hinted, acts(|a| (a.has_choice, a.is_expected_choice, a.chosen_at) = (true, true, Some(since))), Step::ChooseActing, none),
        ];
        for (name, asked, session, step, code) in rows {
            assert_eq!(decide(asked, Some(&session), Some(&all)), step, "{name}");
            let silent = AuthorizationRequest { prompt: Prompt { none: true, ..Prompt::default() }, ..asked.clone() };
            match decide(&silent, Some(&session), Some(&all)) {
                Step::Issue => assert_eq!(code, "", "{name}, prompt=none"),
                Step::Refuse(error) => assert_eq!(error.code, code, "{name}, prompt=none"),
                other => panic!("{name}: prompt=none must not need the person: {other:?}"),
            }
        }
    }

    #[test]
    fn choosing_has_its_place() {
        let all = consent(true, OLD);
        let choice = acts(|a| a.has_choice = true);
        let old = SessionFacts { authenticated_at: NOW.minus(Duration::from_secs(OLD)), ..choice.clone() };
        let high = request(|r| r.level = Level::High);
        assert_eq!(decide(&high, Some(&choice), Some(&all)), Step::RaiseLevel(Level::High), "the level comes first");
        let login = request(|r| r.prompt.login = true);
        assert_eq!(decide(&login, Some(&old), Some(&all)), Step::SignIn);
        assert_eq!(decide(&request(|_| {}), Some(&choice), None), Step::ChooseActing, "before consent");
        let device = request(|r| r.target = Destination::Device(DeviceHash([1; 32])));
        assert_eq!(decide(&device, Some(&choice), Some(&all)), Step::ChooseActing, "before a device");
        let select = request(|r| r.prompt.select = true);
        let alone = SessionFacts { acting: ActingFacts::default(), ..old.clone() };
        assert_eq!(decide(&select, Some(&alone), Some(&all)), Step::SignIn, "whoever has no choice signs in anew");
        assert_eq!(decide(&select, Some(&session(10)), Some(&all)), Step::Issue);
        assert_eq!(decide(&select, Some(&old), Some(&all)), Step::ChooseActing);
        let stranger = request(|r| r.expected_subject = Some("emre".into()));
        assert_eq!(decide(&stranger, Some(&old), Some(&all)), Step::SignIn, "nobody whom they act for");
    }
}
