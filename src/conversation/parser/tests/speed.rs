//! How fast the parser is, on prose and on what is written to slow it down.

use std::time::Instant;

use super::{Parser, language};

const PROSE: &str = "[happy] Hello there, my friend! [pause:400] Today we talk about the weather, what you like to \
    eat in the morning, and how you travel to work. In Spanish the word for cat is <es>gato</es>, and we say **gata** \
    if it is a female one. [curious] Can you tell me what Mr. Smith does at 9.30 in the evening, when he comes home \
    from the office? ¡Muy bien! [fix: I goed -> I went | past tense of go] Let us go on with the next exercise.\n";

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture parser_speed"]
fn parser_speed() {
    for (name, fragment) in [
        ("prose", PROSE),
        (
            "spanish",
            "¿Cómo estás? Hoy vamos a hablar de la comida que más te gusta y de tu familia. ",
        ),
        ("chinese", "你好吗？我今天去了北京的故宫，真的非常漂亮。"),
        ("tags", "[happy]"),
        ("open brackets", "["),
        ("closing brackets", "]"),
        ("parentheses", "("),
        ("angles", "<a "),
        ("combining marks", "\u{301}"),
        ("full stops", "a. "),
        ("commas", "a,"),
        ("directions", "(laughs)! "),
        ("addresses", "http://a.b/c "),
        ("backticks", "`a"),
        ("stars", "*a "),
        ("emoji", "👍🏽"),
        ("spaces", " "),
        ("newlines", "a\n"),
        ("languages", "<es>a</es>"),
        ("quotes", "\"a.\" "),
    ] {
        let text = fragment.repeat(2_000_000 / fragment.len());
        let parts: Vec<String> = text
            .chars()
            .collect::<Vec<_>>()
            .chunks(1000)
            .map(|part| part.iter().collect())
            .collect();
        let begin = Instant::now();
        let mut parser = Parser::new(language("en"));
        let mut pieces = 0;
        for part in &parts {
            pieces += parser.push(part).len();
        }
        pieces += parser.finish().len();
        let rate = text.len() as f64 / begin.elapsed().as_secs_f64() / 1e6;
        println!("{rate:7.0} MB/s {name} ({pieces} pieces)");
    }
}
