//! How fast the parser is, on prose and on what is written to slow it down.

use std::time::{Duration, Instant};

use super::{Parser, language};

const PROSE: &str = "[happy] Hello there, my friend! [pause:400] Today we talk about the weather, what you like to \
    eat in the morning, and how you travel to work. In Spanish the word for cat is <es>gato</es>, and we say **gata** \
    if it is a female one. [curious] Can you tell me what Mr. Smith does at 9.30 in the evening, when he comes home \
    from the office? ¡Muy bien! [fix: I goed -> I went | past tense of go] Let us go on with the next exercise.\n";

const JSON: &str = r#"{"text":"Hello there, my friend! Today we talk about the weather.","emotion":"happy","pause":300},"#;

/// How long the best of three readings takes, in pieces of so many characters.
fn best_time(text: &str, characters: usize) -> Duration {
    let all: Vec<char> = text.chars().collect();
    let parts: Vec<String> = all.chunks(characters).map(|part| part.iter().collect()).collect();
    let read = |_| {
        let begin = Instant::now();
        let mut parser = Parser::new(language("en"));
        parts.iter().for_each(|part| drop(parser.push(part)));
        drop(parser.finish());
        begin.elapsed()
    };
    (0..3).map(read).min().unwrap_or_default()
}

fn rate(text: &str, characters: usize) -> f64 {
    text.len() as f64 / best_time(text, characters).as_secs_f64() / 1e6
}

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture parser_speed"]
fn parser_speed() {
    println!("MB/s in pieces of 1000 characters, of 4, and of 1000 in a text four times as long");
    for (name, begin, fragment) in [
        ("prose", "", PROSE),
        ("structured", r#"{"chunks":["#, JSON),
        (
            "spanish",
            "",
            "¿Cómo estás? Hoy vamos a hablar de la comida que más te gusta y de tu familia. ",
        ),
        ("chinese", "", "你好吗？我今天去了北京的故宫，真的非常漂亮。"),
        ("hindi", "", "नमस्ते, आप कैसे हैं? मैं आज बाज़ार गया था। "),
        ("tags", "", "[happy]"),
        ("open brackets", "", "["),
        ("closing brackets", "", "]"),
        ("parentheses", "", "("),
        ("angles", "", "<a "),
        ("pictures", "", " !["),
        ("combining marks", "", "\u{301}"),
        ("full stops", "", "a. "),
        ("commas", "", "a,"),
        ("directions", "", "(laughs)! "),
        ("addresses", "", "http://a.b/c "),
        ("backticks", "", "`a"),
        ("stars", "", "*a "),
        ("emoji", "", "👍🏽"),
        ("emoticons", "", ":D "),
        ("spaces", "", " "),
        ("newlines", "", "a\n"),
        ("languages", "", "<es>a</es>"),
        ("quotes", "", "\"a.\" "),
    ] {
        let text = |bytes: usize| begin.to_owned() + &fragment.repeat(bytes / fragment.len());
        let short = text(1_000_000);
        let [whole, typed, long] =
            [rate(&short, 1000), rate(&short, 4), rate(&text(4_000_000), 1000)];
        println!("{whole:7.0} {typed:7.0} {long:7.0}  {name}");
    }
}
