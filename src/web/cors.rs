//! Which pages of other origins may read an answer (Fetch standard, CORS protocol): those of registered programs in the
//! browser, at the few paths that the route table marks, and never with cookies.

use std::collections::HashSet;

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::client::registry::Registry;

/// The paths that the route table marks.
pub struct CrossOrigin(pub HashSet<&'static str>);

/// What one answer says about other origins.
pub struct Cors {
    is_marked: bool,
    allowed: Option<HeaderValue>,
}

impl Cors {
    pub fn of(request: &HttpRequest) -> Self {
        let marked = request.app_data::<CrossOrigin>();
        let is_marked = marked.is_some_and(|marked| marked.0.contains(request.path()));
        let mut origins = request.headers().get_all(header::ORIGIN);
        let origin = origins.next().filter(|_| is_marked && origins.next().is_none());
        let registry = request.app_data::<web::Data<Registry>>();
        let is_registered = |origin: &&HeaderValue| {
            registry.zip(origin.to_str().ok()).is_some_and(|(registry, text)| registry.has_origin(text))
        };
        Self { is_marked, allowed: origin.filter(is_registered).cloned() }
    }

    /// Writes the headers, on refusals too: a program must be able to read why.
    pub fn apply(&self, headers: &mut HeaderMap) {
        if self.is_marked {
            headers.insert(header::VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = &self.allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("www-authenticate, dpop-nonce"),
            );
        }
    }
}

/// Answers what a browser asks before it sends a request of another origin. For everybody else the method does not exist.
pub async fn preflight(request: HttpRequest, methods: String) -> HttpResponse {
    if Cors::of(&request).allowed.is_none() {
        return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, methods)).finish();
    }
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "3600"))
        .finish()
}
