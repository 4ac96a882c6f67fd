//! The pattern of passwords that have to contain a number and a symbol: a word, a year and an exclamation mark.

/// The number of letters up to which a word can be in a list of names and words of all languages.
const LONGEST_WORD: usize = 10;

/// The largest number of digits that are no year, and of symbols.
const MOST_DIGITS: usize = 2;
const MOST_SYMBOLS: usize = 3;

/// Checks whether the password is one word with a year or a small number, and at most three symbols, in any order:
/// `Lovelace2026!`, `2026-Sommer`, `Matthias1!`.
///
/// A guesser who has a list of 100,000 names and words finds it with about 10⁸ guesses: each is tried with a hundred
/// numbers and ten symbols.
pub(crate) fn is_word_and_number(password: &[char]) -> bool {
    let runs = |is: fn(char) -> bool| -> Vec<&[char]> {
        let runs = password.chunk_by(|a, b| is(*a) == is(*b));
        runs.filter(|run| is(run[0])).collect()
    };
    let [word] = runs(char::is_alphabetic)[..] else {
        return false;
    };
    let [digits] = runs(|it| it.is_ascii_digit())[..] else {
        return false;
    };
    let symbols = password.len() - word.len() - digits.len();
    is_word(word) && is_number(digits) && symbols <= MOST_SYMBOLS
}

/// Checks whether the letters can be one word: in lower or upper case or with a capital, and not too hard to pronounce.
fn is_word(letters: &[char]) -> bool {
    let is_cased = letters[1..].iter().all(|it| !it.is_uppercase())
        || letters.iter().all(|it| !it.is_lowercase());
    // Whether letters other than those from a to z are vowels is not known.
    let is_vowel = |letter: &char| !letter.is_ascii() || "aeiouyAEIOUY".contains(*letter);
    let mut consonants = letters.chunk_by(|a, b| is_vowel(a) == is_vowel(b));
    letters.len() <= LONGEST_WORD
        && is_cased
        && letters.iter().any(&is_vowel)
        && consonants.all(|run| is_vowel(&run[0]) || run.len() <= 4)
}

fn is_number(digits: &[char]) -> bool {
    let is_year = digits.len() == 4 && matches!(digits[..2], ['1', '9'] | ['2', '0']);
    let is_sequence = ["123", "1234", "12345", "123456", "321"]
        .iter()
        .any(|it| it.chars().eq(digits.iter().copied()));
    let is_repeated = digits.iter().all(|digit| *digit == digits[0]);
    digits.len() <= MOST_DIGITS || is_year || is_sequence || is_repeated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(password: &str) -> bool {
        is_word_and_number(&password.chars().collect::<Vec<_>>())
    }

    #[test]
    fn one_word_with_a_year_or_a_small_number_and_symbols_matches() {
        for password in [
            "Lovelace2026!",
            "Sommer2026!",
            "2026Sommer!",
            "!Sommer-2026",
            "KATARZYNA1987",
            "giovanni99!",
            "Matthias1!?",
            "Matthias1234",
            "Сентябрь2026!",
            "Björn2001...",
            "Schmidt777",
        ] {
            assert!(matches(password), "{password}");
        }
    }

    #[test]
    fn anything_else_does_not_match() {
        for password in [
            "",
            "2026!",
            "Lovelace!",
            "SommerRegen2026",
            "sommer und regen 26",
            "xkqzvbnw2026",
            "Lovelace8371!",
            "Lovelace2026!?!?",
            "wobblylanterns26",
            "7Sommer26",
            "nq7v2kxw9rjt4b",
        ] {
            assert!(!matches(password), "{password}");
        }
    }
}
