//! The countries of ISO 3166-1 by their code of two letters.

const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO \
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP \
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU \
    MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB \
    SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY \
    UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Reads a code, whatever its case; `None` if no country has it.
pub fn parse(text: &str) -> Option<String> {
    let code = text.trim().to_ascii_uppercase();
    CODES.split(' ').any(|known| known == code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::texts::Language;

    #[test]
    fn the_list_is_whole() {
        let codes: Vec<&str> = CODES.split(' ').collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted() && codes.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(codes.iter().all(|code| code.len() == 2));
        assert_eq!(parse(" de "), Some("DE".to_owned()));
        for bad in ["", "D", "XX", "UK", "DEU", "D E", "DE AT", "ＤＥ"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    /// Whatever is offered by name is a country, and both languages offer the same ones.
    #[test]
    fn the_offered_countries_exist() {
        let offered = |language: Language| {
            let names = language.texts().country.names.as_str().split("; ");
            let mut codes: Vec<&str> = names.map(|country| country.split_once(' ').unwrap().0).collect();
            assert!(codes.iter().all(|code| parse(code).as_deref() == Some(*code)));
            assert_eq!(codes[0], "DE");
            codes.sort_unstable();
            codes
        };
        assert_eq!(offered(Language::De), offered(Language::En));
    }
}
