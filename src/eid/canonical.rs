//! Exclusive XML Canonicalization 1.0 without comments (<https://www.w3.org/TR/xml-exc-c14n/>): the bytes of an element that
//! are signed, whatever surrounds it and however it is written.

use std::collections::BTreeMap;

use roxmltree::{Attribute, Node};

use super::xml::qualified_name;

pub const ALGORITHM: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Prefixes and the namespaces that they stand for in what is written already; `""` is the default namespace.
type Rendered<'a> = BTreeMap<&'a str, &'a str>;

/// `inclusive` are the prefixes of the `InclusiveNamespaces` of the transform; `#default` is written as `""`.
pub fn canonical(element: Node<'_, '_>, inclusive: &[&str]) -> String {
    let mut out = String::with_capacity(element.range().len() + 256);
    write_element(element, inclusive, &Rendered::new(), &mut out);
    out
}

fn prefix_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

fn written_name<'i>(attribute: &Attribute<'_, 'i>, source: &'i str) -> &'i str {
    source.get(attribute.range_qname()).unwrap_or_default()
}

/// As deep as [`super::xml::parse`] lets messages be.
fn write_element<'a, 'i: 'a>(element: Node<'a, 'i>, inclusive: &[&'a str], above: &Rendered<'a>, out: &mut String) {
    let (name, source) = (qualified_name(&element), element.document().input_text());
    let mut attributes: Vec<(&str, &str, &str, &str)> = element
        .attributes()
        .map(|one| (one.namespace().unwrap_or_default(), one.name(), written_name(&one, source), one.value()))
        .collect();
    attributes.sort_unstable();
    // Visibly utilized: by the element's name, or by an attribute that has a prefix.
    let of_attributes =
        attributes.iter().map(|(_, _, written, _)| prefix_of(written)).filter(|prefix| !prefix.is_empty());
    let mut prefixes: Vec<&str> = of_attributes.chain([prefix_of(name)]).chain(inclusive.iter().copied()).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    let mut rendered = above.clone();
    out.push('<');
    out.push_str(name);
    for prefix in prefixes.into_iter().filter(|prefix| *prefix != "xml") {
        let uri = element.lookup_namespace_uri(Some(prefix).filter(|prefix| !prefix.is_empty()));
        // A prefix that is not in scope here has no namespace node; the default namespace is then empty.
        let Some(uri) = uri.or_else(|| prefix.is_empty().then_some("")) else { continue };
        if rendered.get(prefix).copied().unwrap_or_default() != uri {
            rendered.insert(prefix, uri);
            let separator = if prefix.is_empty() { "" } else { ":" };
            out.push_str(&format!(" xmlns{separator}{prefix}=\""));
            escape_attribute(uri, out);
            out.push('"');
        }
    }
    for (_, _, written, value) in attributes {
        out.push_str(&format!(" {written}=\""));
        escape_attribute(value, out);
        out.push('"');
    }
    out.push('>');
    for child in element.children() {
        if child.is_element() {
            write_element(child, inclusive, &rendered, out);
        } else if let (true, Some(text)) = (child.is_text(), child.text()) {
            escape_text(text, out);
        }
    }
    out.push_str(&format!("</{name}>"));
}

/// Canonical XML 1.0 section 2.3, attribute nodes.
fn escape_attribute(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

/// Canonical XML 1.0 section 2.3, text nodes.
fn escape_text(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::parse;
    use super::*;

    fn of(text: &str, name: &str, inclusive: &[&str]) -> String {
        let document = parse(text).unwrap();
        let node = document.descendants().find(|node| node.has_tag_name(name) || node.tag_name().name() == name);
        canonical(node.unwrap(), inclusive)
    }

    /// Section 2.2 of the recommendation: the same element, wrapped differently.
    #[test]
    fn what_surrounds_an_element_does_not_change_it() {
        let inner = r#"<n1:elem2 xmlns:n0="http://a" xmlns:n1="http://b" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2>"#;
        let first = format!(r#"<n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org">{inner}</n0:local>"#);
        let second = r#"<n2:pdu xmlns:n1="http://b" xmlns:n2="http://foo" xml:lang="fr" xml:space="retain"><n1:elem2 xmlns:n1="http://b" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n2:pdu>"#;
        let expected = r#"<n1:elem2 xmlns:n1="http://b" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>"#;
        assert_eq!(of(&first, "elem2", &[]), expected);
        assert_eq!(of(second, "elem2", &[]), expected);
    }

    #[test]
    fn attributes_are_sorted_and_written_alike() {
        let text = "<e5 xmlns='' xmlns:b='http://www.ietf.org' xmlns:a='http://www.w3.org' a:attr='out'  b:attr = 'sorted' attr2='all'\nattr='I&#39;m \"\t&#10;&amp;&lt;>'/>";
        assert_eq!(
            of(text, "e5", &[]),
            "<e5 xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" attr=\"I'm &quot; &#xA;&amp;&lt;>\" attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5>"
        );
        assert_eq!(of("<a>\r\n&#13;&gt;&lt;&amp;\"'</a>", "a", &[]), "<a>\n&#xD;&gt;&lt;&amp;\"'</a>");
    }

    #[test]
    fn namespaces_are_written_where_they_are_used() {
        let text = r#"<a xmlns="u" xmlns:p="v" xmlns:q="w"><b q:x="1"><c xmlns=""><d xmlns="u"/></c></b><p:e><p:f/></p:e></a>"#;
        assert_eq!(
            of(text, "a", &[]),
            r#"<a xmlns="u"><b xmlns:q="w" q:x="1"><c xmlns=""><d xmlns="u"></d></c></b><p:e xmlns:p="v"><p:f></p:f></p:e></a>"#
        );
        assert_eq!(of(text, "e", &["", "q", "gone"]), r#"<p:e xmlns="u" xmlns:p="v" xmlns:q="w"><p:f></p:f></p:e>"#);
        assert_eq!(of(text, "c", &[""]), r#"<c><d xmlns="u"></d></c>"#);
    }
}
