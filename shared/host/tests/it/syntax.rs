//! Files that are not JSON: every place, and what is missing there.

use crate::configuration::Setup;

/// The mistakes of a file with this text.
fn mistakes(text: &str) -> String {
    Setup::with_file(text).mistakes().join("\n")
}

#[test]
fn the_blocks_of_the_article_are_refused_with_every_place_and_what_is_missing() {
    insta::assert_snapshot!("article_redis", mistakes(include_str!("article/redis.txt")));
    insta::assert_snapshot!("article_signalr", mistakes(include_str!("article/signalr.txt")));
    insta::assert_snapshot!("article_hangfire_client", mistakes(include_str!("article/hangfire-client.txt")));
    insta::assert_snapshot!("article_hangfire_server", mistakes(include_str!("article/hangfire-server.txt")));
    insta::assert_snapshot!("article_commerce", mistakes(include_str!("article/commerce.txt")));
    insta::assert_snapshot!("article_authoring", mistakes(include_str!("article/authoring.txt")));
}

#[test]
fn each_slip_is_named_at_its_place() {
    let cases = [
        ("", "1:1: missing `{`: the file has no configuration"),
        ("\n// nothing\n", "1:1: missing `{`: the file has no configuration"),
        ("{\"A\": 1", "1:8: missing `}` for the configuration"),
        ("{\"A\": 1}}", "1:9: expected nothing more: the configuration's last brace is before this"),
        ("{\"A\": }", "1:7: missing value before this"),
        ("{\"A\" 1}", "1:5: missing `:` and a value after this key\n1:5: missing `,` after this"),
        ("{\"A\": [1 2]}", "1:9: missing `,` after this"),
        ("{\"A\": [1, 2}}", "1:12: missing `]` for \"A\" of line 1 before this"),
        ("{\"A\": 1,, \"B\": 2}", "1:9: expected a key or a value before this comma"),
        ("{A: 1}", "1:2: missing `\"`: a key is written in quotation marks"),
        ("{\"A\": yes}", "1:7: missing `\"`: text is written in quotation marks"),
        ("{\"A\": \"b\n}", "1:9: missing `\"`: this text does not end on its line"),
        ("{\n  \"Ä\": {\"B\": 1 \"C\": 2}\n}", "2:15: missing `,` after this"),
        ("[]", "1:1: expected an object in braces"),
    ];
    for (text, expected) in cases {
        let found = mistakes(text).replace("appsettings.json:", "");
        let expected_first = expected.lines().next().unwrap_or_default();
        assert!(found.starts_with(expected_first), "{text}\n{found}");
    }
}

#[test]
fn a_key_written_twice_is_refused_whatever_its_case() {
    let text = "{\n\"Caching\": {\"Slots\": 1024,\n \"slots\": 2048}}";
    assert_eq!(
        mistakes(text),
        "appsettings.json:3:2: Caching:slots: expected each key once; it is already written on line 2"
    );
}

#[test]
fn comments_trailing_commas_and_a_byte_order_mark_are_no_mistakes() {
    let text = "\u{feff}// one\n{ /* two */ \"ConnectionStrings\": {\"VirtoCommerce\": \
                \"Server=s;Database=d;User ID=u;Password=p\",},}";
    assert!(Setup::with_file(text).load(host::Service::FrontendApi).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_text_hangs_or_panics_the_reader(text in "[{}\\[\\]:,\"a1.\\\\/* \n…]{0,60}") {
        let _ = Setup::with_file(&text).load(host::Service::FrontendApi);
    }
}
