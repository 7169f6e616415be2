//! The other half of a service: its office decides, and puts the decision into the postbox of whoever has applied. Another program of
//! the city's with a client of its own, of the same sector: both see the same subject.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::visit::{Arrived, Delivery};
use super::{Failure, Service, key, redirect};

/// Provides a decision about what the visitor has applied for.
pub async fn deliver(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let Some(mut visit) = key(&request).and_then(|key| service.visits.take(&key)) else { return redirect("/", None) };
    (visit.notice, visit.delivery) = (None, None);
    if let Some(arrived) = &visit.arrived {
        match provide(&service, arrived).await {
            Ok(delivery) => visit.delivery = Some(delivery),
            Err(why) => visit.notice = Some(Failure::Wrong(why).into()),
        }
    }
    redirect(visit.place("/#zustellen-titel"), Some(service.visits.keep(visit)))
}

async fn provide(service: &Service, arrived: &Arrived) -> Result<Delivery, String> {
    let notice = decision(&arrived.sub);
    // So that the command `deliver` finds something to send.
    let text = format!("{notice:#}\n");
    std::fs::write(&service.notice_file, text)
        .map_err(|error| format!("{}: {error}", service.notice_file.display()))?;
    let answered = service.office.provide(&openidconnect::CsrfToken::new_random().secret().clone(), &notice).await?;
    let number = answered.body["id"].as_str().filter(|_| answered.status == 201).map(str::to_owned);
    Ok(Delivery {
        request: format!("POST {}/api/postbox/v1/messages\n\n{notice:#}", service.at.issuer),
        answer: format!("HTTP {}\n\n{:#}", answered.status, answered.body),
        number,
    })
}

fn decision(subject: &str) -> Value {
    json!({
        "recipient": { "subject": subject },
        "kind": "decision",
        "legal_basis": "OZG9",
        "remedy": "objection",
        "subject": "Bescheid über Ihren Bewohnerparkausweis",
        "reference": "BP 2026/4713",
        "short": {
            "what": "Sie bekommen einen Bewohnerparkausweis für die Zone 2.",
            "to_do": "Überweisen Sie die Gebühr von 30,70 Euro.",
            "by_when": "Zahlen Sie binnen 20 Tagen. Widerspruch ist einen Monat lang möglich.",
        },
        "text": "Auf Ihren Antrag erteilen wir Ihnen einen Bewohnerparkausweis für die Zone 2.\n\nRechtsbehelfsbelehrung\nGegen diesen Bescheid können Sie binnen eines Monats nach seiner Bekanntgabe Widerspruch bei der Stadt Musterhausen erheben.",
    })
}
