//! The proof of a notice, to be kept: as a signed file, and as a page for people.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use super::{Answer, At, message_of};
use crate::kernel::error::Error;
use crate::kernel::secret::hex;
use crate::kernel::texts::Text;
use crate::kernel::texts::moment;
use crate::organisation::mandate::party;
use crate::postbox::content::Head;
use crate::postbox::{Message, proof};
use crate::proofing::letter::page::draw_text;

/// The notice, for whoever is signed in well enough to read more of it than sender and days.
async fn find(at: &At, request: &HttpRequest) -> Result<Option<(Message, Head)>, Error> {
    let id = message_of(request)?;
    let (message, head) = at.find(&mut at.caller.visitor.app.read().await?, &id).await?;
    Ok(head.map(|head| (message, head)))
}

fn file((kind, extension): (&'static str, &str), message: &Message, body: impl Into<Vec<u8>>) -> HttpResponse {
    let name = format!("attachment; filename=\"nachweis-{}.{extension}\"", message.id);
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(body.into())
}

/// Signed, for whoever checks it with a program.
pub async fn token(at: At, request: HttpRequest) -> Answer {
    let Some((message, _)) = find(&at, &request).await? else { return at.back_to(&message_of(&request)?, "") };
    let visitor = &at.caller.visitor;
    let (client, _) = visitor.registry.known(&message.client.0).ok_or(Error::NotFound)?;
    let token = proof::sign(&visitor.app, &client, &message)?;
    Ok(file(("application/jwt", "jwt"), &message, token))
}

/// The same for people, as PDF.
pub async fn page(at: At, request: HttpRequest) -> Answer {
    let Some((message, head)) = find(&at, &request).await? else { return at.back_to(&message_of(&request)?, "") };
    let app = &at.caller.visitor.app;
    let recipient = party::name(&mut app.read().await?, &app.vault, &message.owner).await?;
    let lines = lines(&at, (&message, &head), &recipient.unwrap_or_default());
    let title = at.words().language().texts().proof.title.as_str();
    let pdf = draw_text(at.words().language(), (&app.config.operator.name, title), &lines)?;
    Ok(file(("application/pdf", "pdf"), &message, pdf))
}

fn lines(at: &At, (message, head): (&Message, &Head), recipient: &str) -> Vec<String> {
    let (words, facts, app) = (at.words(), &message.facts, &at.caller.visitor.app);
    let (t, p, language) = (words.texts(), &words.language().texts().proof, words.language());
    let line = |label: &Text, value: &str| format!("{label}: {value}");
    let time = |at| moment::date_and_clock(language, at);
    let mut lines = vec![
        line(&p.number, message.id.as_str()),
        line(&p.recipient, recipient),
        line(&t.from, &words.sender(message, Some(head))),
        line(&p.subject, &head.subject),
        line(&t.kind, &words.kind(message)),
    ];
    lines.extend(head.reference.as_deref().map(|reference| line(&t.reference, reference)));
    let steps = [
        (Some(facts.provided_at), &t.day_provided),
        (facts.notified_at, &t.step_notified),
        (facts.retrieved_at, &t.step_opened),
        (facts.acknowledged_at, &t.step_acknowledged),
    ];
    lines.extend(steps.into_iter().filter_map(|(at, label)| Some(line(label, &time(at?)))));
    for day in words.days(message) {
        let why = day.why.map(|why| format!(" ({why})")).unwrap_or_default();
        lines.push(format!("{}: {}{why}", day.label, day.value));
    }
    lines.extend([
        line(&p.hash, &hex(&message.content_hash)),
        p.made.with("time", time(app.now())).to_string(),
        p.check.with("issuer", &app.config.issuer).to_string(),
        t.binding.to_string(),
    ]);
    lines
}
