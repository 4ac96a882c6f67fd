//! Names and codes prepared for display.

/// The maximum number of displayed characters of a display name.
const LONGEST_NAME: usize = 64;

/// The joiners, which names in Persian and Indic scripts and combined emoji need.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// Reduces a text to one line. Control characters and white space become single spaces; zero-width characters and
/// direction controls are removed, except for joiners within the text.
pub(crate) fn one_line(text: &str) -> String {
    let is_invisible = |character: &char| {
        matches!(
            character,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
    };
    let visible: String = text
        .chars()
        .filter(|character| !is_invisible(character))
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    let is_edge = |character: char| character.is_whitespace() || JOINERS.contains(&character);
    let words = visible.trim_matches(is_edge).split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

/// Reduces a display name to one line and truncates it.
pub(crate) fn name(text: &str) -> String {
    let name = one_line(text);
    if name.chars().count() <= LONGEST_NAME {
        return name;
    }
    let cut: String = name.chars().take(LONGEST_NAME).collect();
    format!("{}…", cut.trim_end_matches(JOINERS))
}

/// Splits a code into groups of four characters.
pub(crate) fn groups(code: &str) -> Vec<String> {
    let characters: Vec<char> = code.chars().collect();
    characters.chunks(4).map(String::from_iter).collect()
}

/// Spells a code with the NATO phonetic alphabet. Digits are left as they are.
pub(crate) fn spelled(code: &str) -> Vec<String> {
    const ALPHABET: [&str; 26] = [
        "Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India",
        "Juliett", "Kilo", "Lima", "Mike", "November", "Oscar", "Papa", "Quebec", "Romeo",
        "Sierra", "Tango", "Uniform", "Victor", "Whiskey", "X-ray", "Yankee", "Zulu",
    ];
    let word = |character: char| {
        let index = u32::from(character).wrapping_sub(u32::from('A')) as usize;
        let word = ALPHABET.get(index);
        word.map_or_else(|| character.to_string(), |word| (*word).to_owned())
    };
    code.chars().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_visible_text() {
        for (given, shown) in [
            ("Ada", "Ada"),
            (
                "  Ada \t Lovelace\r\nBcc: x@y.z\0",
                "Ada Lovelace Bcc: x@y.z",
            ),
            ("a\u{2028}b\u{85}c\u{b}d", "a b c d"),
            ("evil\u{202e}txt.exe\u{200b}", "eviltxt.exe"),
            ("\n\n", ""),
            ("Ÿ 李 🦀", "Ÿ 李 🦀"),
            ("علی\u{200c}رضا", "علی\u{200c}رضا"),
            ("ක්\u{200d}ෂ 👩\u{200d}🔬", "ක්\u{200d}ෂ 👩\u{200d}🔬"),
            ("\u{200d} Ada\u{200c}\u{200b}", "Ada"),
            ("\u{200c}\u{200d}", ""),
        ] {
            assert_eq!(name(given), shown);
        }
        assert_eq!(name(&"李".repeat(1000)).chars().count(), LONGEST_NAME + 1);
    }

    #[test]
    fn a_code_is_spelled_letter_by_letter() {
        assert_eq!(spelled("AZ29"), ["Alfa", "Zulu", "2", "9"]);
        assert_eq!(groups("ABCDEFGH2"), ["ABCD", "EFGH", "2"]);
    }
}
