//! What is wrong with a form, in words: the part of the table that belongs to documents and to absences.

use crate::kernel::texts::{ProblemTexts, Text};

pub(super) fn document_problem_text<'a>(p: &'a ProblemTexts, problem: &str) -> &'a Text {
    match problem {
        "document_ending" => &p.document_ending,
        "document_name_long" => &p.document_name_long,
        "document_name_type" => &p.document_name_type,
        "document_name_letters" => &p.document_name_letters,
        "document_folder" => &p.document_folder,
        "document_tags" => &p.document_tags,
        "document_folders_enough" => &p.document_folders_enough,
        "document_tags_enough" => &p.document_tags_enough,
        "document_missing" => &p.document_missing,
        "share_service" => &p.share_service,
        "share_term" => &p.share_term,
        "share_purpose" => &p.share_purpose,
        "share_document" => &p.share_document,
        "shares_enough" => &p.shares_enough,
        "absence_order" => &p.absence_order,
        "absence_past" => &p.absence_past,
        "absence_long" => &p.absence_long,
        _ => &p.code_wrong,
    }
}
