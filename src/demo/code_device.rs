//! `/demo/codegeraet`: a device that shows one-time codes, as a page. Exists in demonstrations only.

use actix_web::HttpResponse;
use askama::Template;

use super::lands::people_of;
use super::people::{DEVICE_SERIAL, device_secret, owner_of_device};
use crate::kernel::error::Error;
use crate::kernel::one_time_code::{STEP_SECONDS, code, step_at};
use crate::web::caller::Visitor;
use crate::web::page::Frame;

#[derive(Template)]
#[template(path = "demo/code_device.html")]
struct DevicePage {
    f: Frame,
    name: String,
    serial: &'static str,
    code: String,
    seconds: i64,
}

pub async fn show(visitor: Visitor) -> Result<HttpResponse, Error> {
    let now = visitor.app.now();
    let code = code(&device_secret(), step_at(now)).expose().clone();
    let seconds = STEP_SECONDS - now.seconds().rem_euclid(STEP_SECONDS);
    let name = owner_of_device(people_of(&visitor.app.config)).full_name();
    visitor.page(&DevicePage { f: visitor.frame(), name, serial: DEVICE_SERIAL, code, seconds })
}
