//! Files as people fetch them and read of them. Never shown by us: what is in them runs, if it runs, far from here.

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header;

use crate::kernel::file::Scan;
use crate::kernel::file::inspect::Type;
use crate::kernel::file::name::disposition;
use crate::kernel::texts::{AttachmentTexts, Language, Text};
use crate::store::object::Opened;

/// Should a browser show it all the same, nothing in it loads, runs or knows us.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// A file of which every stored byte has been compared, under this name.
pub fn download(name: &str, kind: Type, bytes: Opened) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind.media_type())
        .insert_header((header::CONTENT_DISPOSITION, disposition(name)))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(SizedStream::new(bytes.length(), Box::pin(bytes.stream())))
}

pub const fn kind_label(t: &AttachmentTexts, kind: Type) -> &Text {
    match kind {
        Type::Pdf => &t.kind_pdf,
        Type::Png => &t.kind_png,
        Type::Jpeg => &t.kind_jpeg,
        Type::Text => &t.kind_text,
        Type::Xml => &t.kind_xml,
    }
}

pub const fn scan_label(t: &AttachmentTexts, scan: Scan) -> &Text {
    match scan {
        Scan::Clean => &t.scan_clean,
        Scan::None => &t.scan_none,
    }
}

/// In the units that people know from their devices.
pub fn size(t: &AttachmentTexts, language: Language, bytes: u64) -> String {
    match bytes {
        ..1000 => t.size_bytes.with("count", bytes).to_string(),
        1000..1_000_000 => t.size_kilobytes.with("count", bytes.div_ceil(1000)).to_string(),
        _ => {
            let tenths = bytes.div_ceil(100_000);
            let point = if language == Language::De { ',' } else { '.' };
            t.size_megabytes.with("count", format!("{}{point}{}", tenths / 10, tenths % 10)).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_at_a_glance() {
        let german = |bytes| size(&Language::De.texts().attachment, Language::De, bytes);
        let english = |bytes| size(&Language::En.texts().attachment, Language::En, bytes);
        assert_eq!([german(1), german(999), german(1000), german(1001)], ["1 Byte", "999 Byte", "1 kB", "2 kB"]);
        assert_eq!([german(999_999), german(1_000_000), german(26_214_400)], ["1000 kB", "1,0 MB", "26,3 MB"]);
        assert_eq!([english(1_450_000), english(12)], ["1.5 MB", "12 bytes"]);
    }
}
