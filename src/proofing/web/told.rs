//! The page that says why nothing has come of going to another provider, and how to go on.

use actix_web::HttpResponse;
use askama::Template;

use crate::kernel::error::Error;
use crate::kernel::texts::{Text, Texts};
use crate::proofing::upstream::{Provider, Providers, Told};
use crate::web::caller::Visitor;
use crate::web::locked::locked;
use crate::web::page::{Frame, level_name};

type Answer = Result<HttpResponse, Error>;

struct WayOn {
    id: &'static str,
    href: String,
    label: String,
}

#[derive(Template)]
#[template(path = "upstream/told.html")]
struct ToldPage {
    f: Frame,
    title: String,
    paragraphs: Vec<String>,
    ways: Vec<WayOn>,
}

/// The heading, and what it means.
const fn words<'a>(t: &'a Texts, told: &Told) -> [&'a Text; 2] {
    let t = &t.upstream;
    match told {
        Told::Gone | Told::Locked(_) => [&t.gone_title, &t.gone_text],
        Told::Cancelled => [&t.cancelled_title, &t.cancelled_text],
        Told::Answered => [&t.answered_title, &t.answered_text],
        Told::Unmet => [&t.unmet_title, &t.unmet_text],
        Told::NotBelieved => [&t.not_believed_title, &t.not_believed_text],
        Told::NotReached | Told::Busy => [&t.not_reached_title, &t.not_reached_text],
        Told::Unknown => [&t.unknown_title, &t.unknown_text],
        Told::OfAnother => [&t.of_another_title, &t.of_another_text],
        Told::Taken => [&t.taken_title, &t.taken_text],
        Told::Another => [&t.another_title, &t.another_text],
        Told::OtherSubject => [&t.other_subject_title, &t.other_subject_text],
        Told::Blocked => [&t.blocked_title, &t.blocked_text],
        Told::TooWeak => [&t.too_weak_title, &t.too_weak_text],
        Told::Below(_) => [&t.below_title, &t.below_text],
        Told::NotMore(_) => [&t.not_more_title, &t.not_more_text],
        Told::Incomplete => [&t.incomplete_title, &t.incomplete_text],
        Told::Differs => [&t.differs_title, &t.differs_text],
        Told::Overtaken => [&t.overtaken_title, &t.overtaken_text],
    }
}

/// Says it. `next` is where they were going.
pub async fn show(visitor: &Visitor, provider: &Provider, (told, next): (Told, &str)) -> Answer {
    let name = provider.settings.title(visitor.language).to_owned();
    show_named(visitor, &name, (told, next)).await
}

/// The same where the provider may not be there any more.
pub async fn show_of(visitor: &Visitor, (providers, id): (&Providers, &str), (told, next): (Told, &str)) -> Answer {
    match providers.find(id) {
        Some(provider) => show(visitor, provider, (told, next)).await,
        None => show_named(visitor, id, (told, next)).await,
    }
}

async fn show_named(visitor: &Visitor, name: &str, (told, next): (Told, &str)) -> Answer {
    if let Told::Locked(account) = &told {
        return locked(visitor, account).await;
    }
    let (f, result) = (visitor.frame(), if told == Told::NotReached { "not_reached" } else { "refused" });
    metrics::counter!("nutzerkonto_upstream_told_total", "result" => result).increment(1);
    let level = match told {
        Told::Below(level) | Told::NotMore(level) => level_name(f.t, level),
        _ => String::new(),
    };
    let [title, text] = words(f.t, &told)
        .map(|text| text.with("provider", name).with("level", &level).with("contact", &f.contact).to_string());
    let t = &f.t.upstream;
    let way = |id, href: &str, label: &Text| WayOn { id, href: href.to_owned(), label: label.to_string() };
    let (mut paragraphs, mut ways) = (vec![text], Vec::new());
    match told {
        Told::Unknown => {
            paragraphs.push(t.unknown_how.to_string());
            ways.push(way("anmelden", next, &t.on_sign_in));
            ways.push(way("registrieren", "/registrieren", &t.on_register));
        }
        Told::OfAnother => ways.push(way("zum-konto", "/konto", &t.on_account)),
        Told::Gone | Told::NotReached | Told::Busy => ways.push(way("nochmal", next, &t.on_again)),
        _ => ways.push(way("weiter", next, &t.on)),
    }
    let page = ToldPage { f, title, paragraphs, ways };
    match told {
        Told::NotReached | Told::Busy => visitor.page_unavailable(&page),
        Told::Gone => visitor.page_gone(&page),
        _ => visitor.page_refused(&page),
    }
}
