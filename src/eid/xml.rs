//! XML from outside, within limits. What is not needed is refused before it is parsed: document types, comments, CDATA,
//! processing instructions. Without a document type there are no entities but the five, and nothing is ever fetched.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};

/// Longer messages are not read.
pub const BYTES_MAX: usize = 256 * 1024;
const ELEMENTS_MAX: usize = 2_000;
const DEPTH_MAX: usize = 32;
/// Of one element, declarations of namespaces included.
const ATTRIBUTES_MAX: usize = 32;
/// A value that we read: names and places are far shorter (BSI TR-03110-4 section 2.2.3).
const VALUE_CHARACTERS_MAX: usize = 512;
/// Of the whole message: a parser that looks up what is in scope works longer with each.
const DECLARATIONS_MAX: usize = 256;
const NAME_BYTES_MAX: usize = 256;

/// What is wrong with a message; never contains anything of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

fn refuse<T>(why: &'static str) -> Result<T, Malformed> {
    Err(Malformed(why))
}

/// Looks at a message without parsing it: length, encoding, and that it has only what it may have. Linear.
pub fn admit(bytes: &[u8]) -> Result<&str, Malformed> {
    if bytes.len() > BYTES_MAX {
        return refuse("longer than 256 KiB");
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return refuse("not UTF-8") };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let content = after_declaration(text)?;
    // A bare `<` stands in front of markup only, whatever surrounds it.
    if content.contains("<!") || content.contains("<?") {
        return refuse("a document type, a comment, CDATA or a processing instruction");
    }
    if content.matches("xmlns").count() > DECLARATIONS_MAX {
        return refuse("too many namespaces");
    }
    let mut elements = 0;
    for part in content.split('<').skip(1) {
        elements += usize::from(!part.starts_with('/'));
        // Each attribute takes two quotation marks; those of the text that follows count as well, which errs to the safe side.
        if part.bytes().filter(|byte| matches!(byte, b'"' | b'\'')).count() > 2 * ATTRIBUTES_MAX {
            return refuse("too many attributes");
        }
    }
    if elements > ELEMENTS_MAX {
        return refuse("too many elements");
    }
    Ok(text)
}

/// What follows the XML declaration, which may only name the encoding that it has.
fn after_declaration(text: &str) -> Result<&str, Malformed> {
    let Some(rest) = text.strip_prefix("<?xml ") else { return Ok(text) };
    let Some((declaration, content)) = rest.split_once("?>") else { return refuse("an endless declaration") };
    match declaration.split_once("encoding=") {
        Some((_, encoding)) if !encoding.get(1..6).is_some_and(|name| name.eq_ignore_ascii_case("utf-8")) => {
            refuse("an encoding other than UTF-8")
        }
        _ => Ok(content),
    }
}

/// Parses what [`admit`] has let in.
pub fn parse(text: &str) -> Result<Document<'_>, Malformed> {
    let nodes_limit = u32::try_from(ELEMENTS_MAX * 2 + 2).unwrap_or(u32::MAX);
    let options = ParsingOptions { allow_dtd: false, nodes_limit, ..ParsingOptions::default() };
    let Ok(document) = Document::parse_with_options(text, options) else { return refuse("not well-formed XML") };
    let mut depths = vec![0_usize; document.descendants().count()];
    for node in document.descendants() {
        let depth = node.parent().and_then(|parent| depths.get(parent.id().get_usize())).map_or(0, |depth| depth + 1);
        if depth > DEPTH_MAX {
            return refuse("nested too deeply");
        }
        if node.is_element() && qualified_name(&node).len() > NAME_BYTES_MAX {
            return refuse("a name that is too long");
        }
        if node.attributes().any(|attribute| attribute.range_qname().len() > NAME_BYTES_MAX) {
            return refuse("a name that is too long");
        }
        if let Some(place) = depths.get_mut(node.id().get_usize()) {
            *place = depth;
        }
    }
    Ok(document)
}

/// The name of an element as it is written, with its prefix.
pub fn qualified_name<'i>(element: &Node<'_, 'i>) -> &'i str {
    let written = element.document().input_text().get(element.range().start + 1..).unwrap_or_default();
    let end = written.find([' ', '\t', '\r', '\n', '/', '>']).unwrap_or(written.len());
    &written[..end]
}

pub fn elements<'a, 'i>(parent: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(Node::is_element)
}

/// The one child of this name; none if there is none.
pub fn child<'a, 'i>(parent: Node<'a, 'i>, (space, name): (&str, &str)) -> Result<Option<Node<'a, 'i>>, Malformed> {
    let mut found = elements(parent).filter(|node| node.has_tag_name((space, name)));
    match (found.next(), found.next()) {
        (found, None) => Ok(found),
        _ => refuse("an element stands there twice"),
    }
}

/// The text of an element that has nothing else, without space around it. Empty is none.
pub fn text(element: Node<'_, '_>) -> Result<Option<String>, Malformed> {
    if element.children().any(|node| !node.is_text()) {
        return refuse("an element where text belongs");
    }
    let text: String = element.children().filter_map(|node| node.text()).collect();
    let text = text.trim();
    if text.chars().count() > VALUE_CHARACTERS_MAX {
        return refuse("a value that is too long");
    }
    if text.chars().any(char::is_control) {
        return refuse("a control character in a value");
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// The text of the child of this name.
pub fn child_text(parent: Node<'_, '_>, name: (&str, &str)) -> Result<Option<String>, Malformed> {
    child(parent, name)?.map_or(Ok(None), text)
}

/// Text as it may stand between tags and between quotation marks.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'', '\r', '\n', '\t']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\r' => out.push_str("&#xD;"),
            '\n' => out.push_str("&#xA;"),
            '\t' => out.push_str("&#x9;"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(), Malformed> {
        parse(admit(text.as_bytes())?).map(drop)
    }

    #[test]
    fn plain_messages_are_read() {
        for fine in [
            "<a/>",
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a b=\"1\">\r\n<c xmlns='urn:x'>&lt;&#65;</c></a>\n",
            "<?xml version='1.0'?><a/>",
        ] {
            assert_eq!(read(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn sec_y01_what_could_fetch_or_grow_is_refused_before_it_is_parsed() {
        for bad in [
            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
            "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"http://127.0.0.1/\">]><a>&x;</a>",
            "<!DOCTYPE a [<!ENTITY b \"cc\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>",
            "<a><!-- hidden --></a>",
            "<a><![CDATA[x]]></a>",
            "<a><?php x?></a>",
            "<?xml-stylesheet href=\"x\"?><a/>",
            " <?xml version=\"1.0\"?><a/>",
            "<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>",
            "<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>",
        ] {
            assert!(admit(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read("<a>&x;</a>").is_err() && read("<a b=\"&x;\"/>").is_err(), "an entity that nobody has declared");
        assert!(admit(b"<a>\xff</a>").is_err());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "measures how long refusing takes")]
    fn sec_y06_bombs_are_refused_at_once() {
        let many = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<String>();
        let bombs = [
            format!("<a>{}</a>", "x".repeat(BYTES_MAX)),
            format!("<a {}/>", many(20_000, &|n| format!("b{n}=\"\" "))),
            format!("<a {}/>", many(14_000, &|n| format!("xmlns:n{n}='u' "))),
            format!("{}{}", "<a>".repeat(30_000), "</a>".repeat(30_000)),
            format!("{}{}", "<a>".repeat(33), "</a>".repeat(33)),
            format!("<a>{}</a>", "<b/>".repeat(50_000)),
            format!("<a>{}</a>", many(9_000, &|n| format!("<b xmlns:n{n}='u'/>"))),
            format!(
                "{}{}",
                many(1_900, &|n| format!("<a {}>", many(9, &|m| format!("xmlns:n{n}_{m}='' ")))),
                "</a>".repeat(1_900)
            ),
            format!("<{}/>", "a".repeat(250_000)),
            format!("<a {}=''/>", "b".repeat(70_000)),
        ];
        for bomb in bombs {
            let start = std::time::Instant::now();
            assert!(read(&bomb).is_err(), "{}", &bomb[..40]);
            // Twenty milliseconds where it counts; tests are built without optimisation and share the machine.
            assert!(start.elapsed().as_millis() < 400, "{} took {:?}", &bomb[..40], start.elapsed());
        }
        let long = format!("<a>{}</a>", "x".repeat(BYTES_MAX - 7));
        assert_eq!(read(&long), Ok(()), "the limit itself");
        assert!(text(parse(&long).unwrap().root_element()).is_err(), "but no value is so long");
    }

    #[test]
    fn a_child_stands_there_once_and_text_has_no_elements() {
        let document = parse("<a xmlns='u'><b> x </b><c/><c/><d>x<e/></d><f>&#9;a&#133;b</f></a>").unwrap();
        let root = document.root_element();
        assert_eq!(child_text(root, ("u", "b")), Ok(Some("x".to_owned())));
        assert_eq!((child_text(root, ("", "b")), child_text(root, ("u", "x"))), (Ok(None), Ok(None)));
        assert!(child(root, ("u", "c")).is_err() && child_text(root, ("u", "d")).is_err());
        assert!(child_text(root, ("u", "f")).is_err(), "a control character");
    }

    proptest! {
        #[test]
        fn fz13_no_input_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(text) = admit(&bytes) {
                drop(parse(text));
            }
        }

        #[test]
        fn fz13_no_markup_makes_it_panic(text in "[<>/?!&;\"'= abx:\\[\\]\n-]{0,120}") {
            if let Ok(text) = admit(text.as_bytes()) {
                drop(parse(text));
            }
        }

        #[test]
        fn what_is_escaped_comes_back(value in "[ -~äßŁ😀\t\n\r]{0,60}") {
            let message = format!("<a b=\"{0}\">{0}</a>", escape(&value));
            let document = parse(admit(message.as_bytes()).unwrap()).unwrap();
            let root = document.root_element();
            prop_assert_eq!((root.text().unwrap_or_default(), root.attribute("b")), (&*value, Some(&*value)));
        }
    }
}
