//! `/echt`: is this mail really from us?

use actix_web::HttpResponse;
use askama::Template;

use super::{Confirmed, Kind, confirm};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::{Language, MailKindTexts, Text, moment};
use crate::signin::attempts::{self, Purpose};
use crate::store::work::Actor;
use crate::web::caller::Visitor;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

type Answer = Result<HttpResponse, Error>;

#[derive(Template)]
#[template(path = "notice/check.html")]
struct CheckPage {
    f: Frame,
    code: String,
    problems: Problems,
    /// Ours or not, which mail, when.
    result: Option<(bool, String, String)>,
}

pub async fn show(visitor: Visitor) -> Answer {
    let (code, problems) = (String::new(), Problems::none());
    visitor.page(&CheckPage { f: visitor.frame(), code, problems, result: None })
}

pub async fn submit(visitor: Visitor, form: Form) -> Answer {
    let code = form.get("code").to_owned();
    if code.trim().is_empty() {
        let problems = visitor.problems(&[FieldProblem { field: "code", problem: "check_code_missing" }]);
        return visitor.page_again(&CheckPage { f: visitor.frame(), code, problems, result: None });
    }
    let app = &visitor.app;
    let network = visitor.network();
    let counters = attempts::of_try(app, Purpose::CheckCodeNetwork, &network.subscriber, &network, None);
    let mut work = app.single(Actor::Visitor).await?;
    attempts::count(&mut work, counters).await?;
    work.commit().await?;
    let found = confirm(&mut app.read().await?, &app.vault, &code, app.now()).await?;
    let result = match found {
        Some(Confirmed { kind, sent_at }) => {
            (true, kind_name(visitor.language, kind), moment::date_and_clock(visitor.language, sent_at))
        }
        None => (false, String::new(), String::new()),
    };
    visitor.page(&CheckPage { f: visitor.frame(), code, problems: Problems::none(), result: Some(result) })
}

fn kind_name(language: Language, kind: Kind) -> String {
    let k = &language.texts().mail_kind;
    let text = match kind {
        Kind::RegistrationCode => &k.registration_code,
        Kind::AlreadyRegistered => &k.already_registered,
        Kind::Welcome => &k.welcome,
        Kind::ResetCode => &k.reset_code,
        Kind::ResetUnknown => &k.reset_unknown,
        Kind::ResetNoPassword => &k.reset_no_password,
        Kind::PasswordRemoved => &k.password_removed,
        Kind::PasswordChanged => &k.password_changed,
        Kind::NewDevice => &k.new_device,
        Kind::RecoveryCodesRenewed => &k.codes_renewed,
        Kind::RecoveryCodeUsed => &k.recovery_code_used,
        Kind::CodesGuessed => &k.codes_guessed,
        Kind::RecoveryCode => &k.recovery_code,
        Kind::RecoveryBegun => &k.recovery_begun,
        Kind::RecoveryReminder => &k.recovery_reminder,
        Kind::RecoveryCancelled => &k.recovery_cancelled,
        Kind::RecoveryFinished => &k.recovery_finished,
        Kind::CodeGeneratorAdded => &k.code_app_added,
        Kind::CodeGeneratorRemoved => &k.code_app_removed,
        Kind::PasskeyAdded => &k.passkey_added,
        Kind::PasskeyRemoved => &k.passkey_removed,
        Kind::CardAdded => &k.card_added,
        Kind::CardRemoved => &k.card_removed,
        Kind::CardRecovery => &k.card_recovery,
        Kind::LinkedAccountAdded => &k.linked_account_added,
        Kind::LinkedAccountRemoved => &k.linked_account_removed,
        Kind::IdentityConfirmed => &k.identity_confirmed,
        Kind::MeansBlocked => &k.means_blocked,
        Kind::MeansUnblocked => &k.means_unblocked,
        Kind::AddressCode => &k.address_code,
        Kind::AddressChanged => &k.address_changed,
        Kind::AccountLocked => &k.account_locked,
        Kind::AccountUnlocked => &k.account_unlocked,
        Kind::AccountClosing => &k.account_closing,
        Kind::AccountKept => &k.account_kept,
        Kind::AccountErased => &k.account_erased,
        Kind::AccountUnused => &k.account_unused,
        Kind::DataCopied => &k.data_copied,
        Kind::DeskCase => &k.desk_case,
        Kind::DeskConfirmed => &k.desk_confirmed,
        Kind::DeskRefused => &k.desk_refused,
        Kind::DeskSlip => &k.desk_slip,
        Kind::DeskSlipUnknown => &k.reset_unknown,
        Kind::DeskRecoveryRefused => &k.desk_recovery_refused,
        Kind::DeskReleased => &k.desk_released,
        Kind::DeskReleaseCancelled => &k.recovery_cancelled,
        Kind::DeskRecovered => &k.desk_recovered,
        Kind::GuardianRecorded => &k.guardian_recorded,
        Kind::GuardianEnded => &k.guardian_ended,
        Kind::LetterOrdered => &k.letter_ordered,
        Kind::LetterRedeemed => &k.letter_redeemed,
        _ => organisation_kind_name(k, kind),
    };
    text.to_string()
}

/// Mails about organisations: all that are left.
fn organisation_kind_name(k: &MailKindTexts, kind: Kind) -> &Text {
    match kind {
        Kind::OrganisationOpened => &k.organisation_opened,
        Kind::OrganisationState => &k.organisation_state,
        Kind::OrganisationClaim => &k.organisation_claim,
        Kind::OrganisationRights => &k.organisation_rights,
        Kind::OrganisationEnded => &k.organisation_ended,
        Kind::OrganisationHandover => &k.organisation_handover,
        Kind::OrganisationKey => &k.organisation_key,
        Kind::OrganisationDesk => &k.organisation_desk,
        Kind::Invitation => &k.invitation,
        Kind::MandateOpened => &k.mandate_opened,
        Kind::MandateAnswered => &k.mandate_answered,
        Kind::MandateEnded => &k.mandate_ended,
        Kind::PostboxMessage => &k.postbox_message,
        Kind::PostboxReminder => &k.postbox_reminder,
        Kind::SafeReminder => &k.safe_reminder,
        _ => &k.invitation_accepted,
    }
}
