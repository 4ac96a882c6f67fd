//! Tests with strong and weak passwords.

use faroe_core::{
    password::{PasswordContext, PasswordStrengthChecker},
    protocol::secret::Password,
};
use faroe_password_strength::{MinimumScore, PasswordStrength};
use faroe_testkit::promise;

async fn is_strong_enough(checker: &PasswordStrength, password: &str) -> bool {
    let answer = checker.is_strong_enough(&Password::from(password)).await;
    answer.expect("the runtime is running")
}

#[tokio::test]
async fn passwords_that_are_easy_to_guess_are_weak() {
    let checker = PasswordStrength::default();
    for password in [
        // Common passwords followed by digits and punctuation.
        "password1234567",
        "Password123!",
        "passwordpassword",
        "password123456789012345678901234567890",
        "Passw0rd!!!!",
        "P@ssw0rd1234",
        "P@$$w0rd123",
        "iloveyou123",
        "iloveyou!!!",
        "letmein12345",
        "football2023",
        "monkey12345!",
        "dragon99999",
        "sunshine2020",
        "princess1!",
        "admin123456",
        "changeme123!",
        "superman123",
        "baseball11",
        "starwars2015",
        "liverpool1",
        "whatever123",
        "michael1985",
        "jessica123456",
        "Summer2024!",
        "Password2024!",
        "January2024",
        "trustno1trustno1",
        "Tr0ub4dour&3",
        // Keyboard patterns, sequences, dates.
        "qwertyuiop1",
        "qwertyuiop123",
        "asdfghjkl;",
        "1q2w3e4r5t6y",
        "zaq12wsxcde3",
        "qazwsxedcrfv",
        "1234567890",
        "0987654321",
        "abcdefghij",
        "abc1234567890",
        "ABCDEFGHJKLM",
        "12/31/1999",
        // Repetitions.
        "aaaaaaaaaa",
        "aaaaaaaaaaaab",
        "abcabcabcabc",
        "ababababababababababa",
        "日本日本日本日本日本",
    ] {
        assert!(!is_strong_enough(&checker, password).await, "{password}");
    }
}

#[tokio::test]
async fn p75_the_fashions_of_passwords_that_need_a_number_and_a_symbol_are_weak() {
    let checker = PasswordStrength::default();
    let passwords = [
        "Lovelace2026!",
        "Sommer2026!",
        "Winter2025!!",
        "Fruehling26!",
        "Frühling2026",
        "Weihnachten2026!",
        "Verano2026!",
        "Automne2026!",
        "Septiembre2026",
        "Październik2026!",
        "Katarzyna1987!",
        "Giovanni2026#",
        "2026-Matthias",
        "Matthias123!",
        "Сентябрь2026!",
    ];
    for password in passwords {
        assert!(!is_strong_enough(&checker, password).await, "{password}");
    }
    promise::report("P75", format!("{} passwords in fashion", passwords.len()));
}

#[tokio::test]
async fn p75_passwords_made_from_the_address_the_name_or_the_product_are_weak() {
    let checker = PasswordStrength::default();
    let mut context = PasswordContext::default();
    context.email_address = "wilhelmina.featherstonehaugh@some-company.example".into();
    context.display_name = "Wilhelmina Featherstonehaugh-Cholmondeley".into();
    context.product_name = "Zyxomma Notes".into();
    let passwords = [
        "wilhelmina.featherstonehaugh@some-company.example",
        "Wilhelmina.Featherstonehaugh@Some-Company.Example",
        "featherstonehaugh@some-company",
        "wilhelminafeatherstonehaugh",
        "Wilhelmina Featherstonehaugh-Cholmondeley",
        "WilhelminaFeatherstonehaugh2026!",
        "f3ath3rst0n3haugh!",
        "hguahenotsrehtaef",
        "Cholmondeley+1990",
        "zyxomma-notes-wilhelmina",
        "ZyxommaZyxommaZyxomma",
    ];
    for password in passwords {
        let typed = Password::from(password);
        let is_strong = checker.is_strong_enough_for(&typed, &context);
        assert!(!is_strong.await.unwrap(), "{password}");
    }
    for password in [
        "wilhelmina rides nine violins to the granite fjord",
        "correct horse battery staple",
        "fX7#qLw2!vRz9m",
    ] {
        let typed = Password::from(password);
        let is_strong = checker.is_strong_enough_for(&typed, &context);
        assert!(is_strong.await.unwrap(), "{password}");
    }
    promise::report(
        "P75",
        format!("{} passwords made from a name", passwords.len()),
    );
}

#[tokio::test]
async fn passwords_that_are_hard_to_guess_are_strong() {
    let checker = PasswordStrength::default();
    for password in [
        "correct horse battery staple",
        "correcthorsebatterystaple",
        "umbrella-Granite-seventeen-otter",
        "the cat sat on nine violins",
        "Kaffee um 9, Tee um 17 Uhr!",
        "wobbly lantern fjord",
        "fX7#qLw2!vRz9m",
        "hT3-mWq8-zKp5x",
        "nq7v2kxw9rjt4b",
        "GVXKQWJZTRBNPM",
        "7f3a9c1e5b8d2046",
        "w4QnZ8sYtK3uHbR6cXeP",
        "пять зелёных крокодилов",
        "møllerens katt drikker kefir",
        "五匹の緑色の鰐が歌う夜に",
        "🦀🐙🌋🎻🥨🧭🪁🦔🎳🧿",
    ] {
        assert!(is_strong_enough(&checker, password).await, "{password}");
    }
}

#[tokio::test]
async fn a_repeated_pattern_is_weak_at_any_length() {
    let checker = PasswordStrength::default();
    for pattern in [
        "a",
        "é",
        "🦀",
        "12",
        "abc",
        "x%",
        "l1|!7",
        "4@8({[<",
        "01/01/1990",
        "password",
    ] {
        for length in [10, 20, 33, 50, 72, 100] {
            let password: String = pattern
                .chars()
                .cycle()
                .take(length.max(2 * pattern.len()))
                .collect();
            assert!(!is_strong_enough(&checker, &password).await, "{password}");
        }
    }
}

#[tokio::test]
async fn a_repeated_pattern_is_as_strong_as_the_pattern() {
    let checker = PasswordStrength::default();
    assert!(is_strong_enough(&checker, &"correct horse battery staple".repeat(3)).await);
    assert!(!is_strong_enough(&checker, &"monkey12345!".repeat(8)).await);
}

#[tokio::test]
async fn a_strong_password_stays_strong_wherever_padding_is_added() {
    let checker = PasswordStrength::default();
    for padding in 0..=85 {
        let password = format!(
            "{}fX7#qLw2!vRz9m{}",
            "a".repeat(padding),
            "1".repeat(86 - padding)
        );
        assert!(is_strong_enough(&checker, &password).await, "{password}");
    }
}

#[tokio::test]
async fn repeating_the_last_character_does_not_make_a_password_strong() {
    let checker = PasswordStrength::default();
    for start in ["password1", "iloveyou!", "qwerty", "Football0", "letmein."] {
        let last = &start[start.len() - 1..];
        for padding in 10..=100 - start.len() {
            let password = format!("{start}{}", last.repeat(padding));
            assert!(!is_strong_enough(&checker, &password).await, "{password}");
        }
    }
}

#[tokio::test]
async fn the_minimum_score_decides() {
    // About 10⁷ guesses: a score of 2.
    let password = "Summer2024!";
    for (minimum_score, expected) in [(1, true), (2, true), (3, false), (4, false)] {
        let minimum_score = MinimumScore::try_from(minimum_score).expect("1 to 4");
        let checker = PasswordStrength::new(minimum_score);
        assert_eq!(
            is_strong_enough(&checker, password).await,
            expected,
            "{minimum_score:?}"
        );
    }
    for score in [0, 5] {
        assert!(MinimumScore::try_from(score).is_err());
    }
}

#[tokio::test]
async fn any_text_can_be_rated() {
    let checker = PasswordStrength::default();
    for password in [
        "",
        "\0\0\0\0\0\0\0\0\0\0",
        "a\u{301}\u{301}\u{200d}🏳️‍🌈 \u{202e}\u{feff}",
    ] {
        let answer = checker.is_strong_enough(&Password::from(password)).await;
        assert!(answer.is_ok(), "{password:?}");
    }
}
