use super::*;

fn url(text: &str) -> ServiceUrl {
    text.parse().expect(text)
}

#[test]
fn a_url_is_split_as_it_is_written() {
    for (text, scheme, credentials, hosts, tail) in [
        (
            "postgres://me:p%40w@db.example.com:5432/app?sslmode=require",
            "postgres",
            "me:p%40w@",
            "db.example.com:5432",
            "/app?sslmode=require",
        ),
        (
            "redis+cluster://:pw@a:1,b:2,c?x#y",
            "redis+cluster",
            ":pw@",
            "a:1,b:2,c",
            "?x#y",
        ),
        (
            "redis+unix:///run/redis.sock",
            "redis+unix",
            "",
            "",
            "/run/redis.sock",
        ),
        ("smtp://[::1]:25", "smtp", "", "[::1]:25", ""),
    ] {
        let url = url(text);
        assert_eq!(url.expose(), text);
        assert_eq!(
            (url.scheme(), url.credentials(), url.hosts(), url.tail()),
            (scheme, credentials, hosts, tail)
        );
    }
}

#[test]
fn a_text_without_a_scheme_is_refused_without_being_repeated() {
    for text in [
        "",
        "canary",
        "://canary",
        "redis:canary",
        "--storage=redis://:canary@host",
        "1://canary",
    ] {
        let error = text.parse::<ServiceUrl>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{text}");
    }
}

#[test]
fn a_url_is_shown_without_credentials() {
    for (text, servers) in [
        (
            "postgres://me:canary@db.example.com:5432/canary?x=canary",
            Some("db.example.com:5432"),
        ),
        ("postgresql://localhost", Some("localhost")),
        ("postgres://me:canary@[::1]:5432/app", Some("[::1]:5432")),
        ("redis+cluster://:canary@a:1,b:2,c", Some("a:1,b:2,c")),
        (
            "https://hooks.example.com/canary",
            Some("hooks.example.com"),
        ),
        ("postgres://me:can@ry@canary:5432/app", None),
        ("postgres://me:canary", None),
        ("postgres://canary:canary@", None),
        ("postgres://me:can/canary@host", None),
        ("postgres://me:can?canary@host", None),
        ("postgres://me:can#canary@host", None),
        ("postgres://host/app?password=x@canary", None),
        ("rediss://canary canary", None),
        ("redis+unix:///canary", None),
    ] {
        let url = url(text);
        assert_eq!(url.servers(), servers, "{text}");
        assert!(!format!("{url:?}").contains("canary"), "{url:?}");
    }
}

#[test]
fn a_password_in_a_url_is_found_wherever_it_stands() {
    for text in [
        "postgres://me:secret@host/db",
        "--storage=redis://:secret@host",
        "smtps://me%40example.com:sec/r?et@host",
        "postgres://host/db?user=me&password=secret",
        "mysql://host/db?password=secret",
    ] {
        assert!(holds_password(text), "{text}");
    }
    for text in [
        "postgres://me@host:5432/db?sslmode=require",
        "redis://127.0.0.1:6379",
        "https://users.example.com/",
        "sqlite:a:b@c",
        "Example <no-reply@example.com>",
    ] {
        assert!(!holds_password(text), "{text}");
    }
}

#[test]
fn parameters_have_names_and_values() {
    let url = url("postgres://host/app?a=1&&b&c=d=e");
    let parameters = url.parameters().unwrap();
    let found: Vec<_> = parameters
        .map(|parameter| (parameter.as_str(), parameter.name(), parameter.value()))
        .collect();
    assert_eq!(
        found,
        [("a=1", "a", "1"), ("b", "b", ""), ("c=d=e", "c", "d=e")]
    );
    assert_eq!(
        &**url.with_parameters(&["a=1", "b"]),
        "postgres://host/app?a=1&b"
    );
}

#[test]
fn a_password_that_is_cut_in_two_is_refused() {
    for text in [
        "postgres://me:can?ary@host/app",
        "postgres://me:can#ary@host/app",
        "postgres://host/app?a=b#c",
    ] {
        let url = url(text);
        let Err(error) = url.parameters() else {
            panic!("{text} was accepted");
        };
        assert!(error.to_string().contains("%23"), "{error}");
    }
}

#[test]
fn a_bad_value_is_named_and_not_repeated() {
    for text in ["a=canary", "a=", "a", "a=-1", "a=4294967296"] {
        let error = Parameter(text).parse::<u32>().unwrap_err();
        assert_eq!(error.to_string(), "a has an invalid value");
        assert!(Parameter(text).milliseconds().is_err());
    }
    assert!(!format!("{:?}", Parameter("a=canary")).contains("canary"));
    assert!(Parameter("a=0").milliseconds().is_err());
    assert_eq!(
        Parameter("a=4294967295").milliseconds(),
        Ok(Duration::from_millis(4_294_967_295))
    );
}

#[test]
fn a_driver_gets_a_host_with_every_user() {
    for (url, expected) in [
        ("postgres:///app?host=/run", "postgres:///app?x=1"),
        (
            "postgres://me:p%40@/app?host=/run",
            "postgres://me:p%40@localhost/app?x=1",
        ),
        ("postgres://me@host:1", "postgres://me@host:1?x=1"),
    ] {
        let url: ServiceUrl = url.parse().unwrap();
        assert_eq!(&**url.with_parameters(&["x=1"]), expected);
    }
}

#[test]
fn an_unknown_parameter_is_named_if_it_has_a_name() {
    let url: ServiceUrl = "postgres://host/app?ssl-mod=canary&options[a.b]=canary&canary&ca/nary=1"
        .parse()
        .unwrap();
    let errors = url.parameters().unwrap().map(|it| it.unknown().to_string());
    assert_eq!(
        errors.collect::<Vec<_>>(),
        [
            "the parameter ssl-mod of the URL is unknown",
            "the parameter options[a.b] of the URL is unknown",
            "a parameter of the URL is unknown",
            "a parameter of the URL is unknown",
        ]
    );
}
