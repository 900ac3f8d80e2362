//! What tags do, and that no trace of them is shown.

use expect_test::{Expect, expect};

use super::{chunks, live, outcome};
use crate::domain::TextForm;

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&chunks("en", text));
}

#[test]
fn the_tags_of_the_manual() {
    check(
        "[happy] Hello! [pause:400] [emphasis] Very good. The word is <es>gato</es>. [fix: I goed -> I went | past tense of go]",
        expect![[r#"
            happy: Hello! (pause 400)
            happy: Very good. The word is gato. → en:Very good. The word is + es:gato. (emphasis)
            fix I goed -> I went | past tense of go
        "#]],
    );
    expect![[r#"
        Hello!| Very good. The gato.|!
    "#]]
    .assert_eq(&live(
        "en",
        "[happy] Hello! [pause:400] [emphasis] Very good. The <es>gato</es>. [fix: a -> b]",
    ));
}

#[test]
fn an_emotion_holds_until_the_next_one() {
    check(
        "[sad] I am sorry to hear that. It is a pity. [happy] But look at this! [calm] So.",
        expect![[r#"
        sad: I am sorry to hear that.
        sad: It is a pity.
        happy: But look at this!
        calm: So.
    "#]],
    );
}

#[test]
fn an_emotion_in_mid_sentence_cuts_only_what_is_long_enough() {
    check(
        "I was walking home [surprised] when I saw it there.",
        expect![[r#"
        I was walking home
        surprised: when I saw it there.
    "#]],
    );
    check(
        "Oh, [surprised] what is that over there?",
        expect![[r#"
        surprised: Oh, what is that over there?
    "#]],
    );
    check(
        "Hi! [sad] I must go home now.",
        expect![[r#"
        Hi!
        sad: I must go home now.
    "#]],
    );
    check(
        "Hi! [neutral] I must go home now.",
        expect![[r#"
        Hi! I must go home now.
    "#]],
    );
}

#[test]
fn tags_are_known_in_any_case_and_bracket() {
    check(
        "[HAPPY] One two three four. ［Sad］ One two three four. 【 calm 】 One two three four.",
        expect![[r#"
        happy: One two three four.
        sad: One two three four.
        calm: One two three four.
    "#]],
    );
    check(
        "[pause： 300] no. Yes, it is so.[Pause:200][PAUSE:999999] Well then, here.[pause:-1] Again and again[pause:NaN].",
        expect![[r#"
        no. Yes, it is so. (pause 5000)
        Well then, here.
        Again and again. → en:Again and again
    "#]],
    );
}

#[test]
fn unknown_tags_vanish_and_other_brackets_stay() {
    check(
        "[furious] I am [laughs softly] here. [/happy] See [1] at [12:30] and [this is a long remark here].",
        expect![[r#"
        I am here. See [1] at [12:30] and [this is a long remark here].
    "#]],
    );
    check(
        "Read [the guide](https://example.com/x_(y)) now. Or [four words are here](http://a.b) too.",
        expect![[r#"
        Read the guide now.
        Or four words are here too.
    "#]],
    );
    check(
        "An array [] and a [ ] box. A 【注意】 here.",
        expect![[r#"
        An array [] and a [ ] box.
        A here.
    "#]],
    );
}

#[test]
fn broken_tags_leave_no_rubbish() {
    check(
        "[sad[happy]] Hello there my friend.",
        expect![[r#"
        happy: Hello there my friend.
    "#]],
    );
    check(
        "[happy Hello there, my dear friend! Ok] Yes.",
        expect![[r#"
        happy: Hello there, my dear friend!
        happy: Ok Yes.
    "#]],
    );
    check(
        "Hello my friend [happy",
        expect![[r#"
        Hello my friend
    "#]],
    );
    check(
        "I saw [some",
        expect![[r#"
        I saw [some
    "#]],
    );
    check(
        "[happy\nHello there, friend.",
        expect![[r#"
        happy: Hello there, friend.
    "#]],
    );
    check(
        "[fix: I goed -> I went",
        expect![[r#"
        fix I goed -> I went | 
    "#]],
    );
    check(
        "[fix: [a] -> [b] | c] Good, my friend.",
        expect![[r#"
        Good, my friend.
        fix [a] -> [b] | c
    "#]],
    );
}

#[test]
fn markup_vanishes_and_comparisons_stay() {
    check(
        "</emotion></es>Hello <em>my</em> <img src=x onerror=alert(1)>friend.<br>Bye",
        expect![[r#"
        Hello my friend.
        Bye
    "#]],
    );
    check(
        "a < b and c > d, I <3 you, x <y [happy] so what",
        expect![[r#"
        a < b and c > d, I <3 you,
        happy: x <y so what
    "#]],
    );
    check(
        "<|im_start|>Hello there<|im_end|>",
        expect![[r#"
        Hello there
    "#]],
    );
}

#[test]
fn thoughts_are_neither_shown_nor_spoken() {
    check(
        "<think>Let me see. [happy]\n</think>\n\nHello there, friend.",
        expect![[r#"
        Hello there, friend.
    "#]],
    );
    check(
        "Hello there, friend. <Thinking>never closed < > </b> so",
        expect![[r#"
        Hello there, friend.
    "#]],
    );
}

#[test]
fn tags_inside_code_are_not_shown_either() {
    check(
        "Type `[happy] hello` now, please. ```x``` it.\n```\n[sad] let a = 1. Let b!\n```\nThat is all, folks.",
        expect![[r#"
        happy: Type ` hello` now, please. → en:Type hello now, please.
        happy: ```x``` it. → en:x it.
        sad: ```⏎let a = 1. Let b!⏎```⏎That is all, folks. → en:That is all, folks.
    "#]],
    );
}

#[test]
fn a_language_holds_until_its_end_or_the_paragraphs() {
    check(
        "Say (<es>¿Qué tal?</es>) to <de>Hans</de> and \"<fr>bonjour</fr>\" too, please.",
        expect![[r#"
        Say (¿Qué tal?) to Hans and "bonjour" too, → en:Say ( + es:¿Qué tal?) + en:to + de:Hans + en:and " + fr:bonjour" + en:too,
        please.
    "#]],
    );
    check(
        "<es>¡Hola, amigo mío! ¿Cómo estás hoy?</es> That was it.",
        expect![[r#"
        ¡Hola, amigo mío! (es)
        ¿Cómo estás hoy? (es)
        That was it.
    "#]],
    );
    check(
        "<es>Hola, amigo mío, aquí\n\nThat was Spanish, you know.",
        expect![[r#"
        Hola, amigo mío, aquí (es)
        That was Spanish, you know.
    "#]],
    );
}

#[test]
fn signs_that_turn_the_reading_direction_are_not_shown() {
    check(
        "Hello \u{202e}there\u{202c}, \u{2066}friend\u{2069} of mine.",
        expect![[r#"
        Hello there, friend of mine.
    "#]],
    );
    check(
        "Look at <a\u{202e}b [gato](cat\u{202e} \u{7}mio) my friend.",
        expect![[r#"
        Look at <ab gato (cat mio) my friend.
    "#]],
    );
}

#[test]
fn signs_that_are_not_shown_break_no_tag() {
    check(
        "[hap\u{feff}py] Well done, my friend! [fix: I \u{202b}goed\u{202c} -> I went | \u{6}past tense]",
        expect![[r#"
            happy: Well done, my friend!
            fix I goed -> I went | past tense
        "#]],
    );
}

#[test]
fn a_pause_without_text_belongs_to_the_chunk_before() {
    check(
        "[pause:100] It is very nice here. 😊 [pause:300] [pause:500]",
        expect![[r#"
        It is very nice here. 😊 → en:It is very nice here. (pause 500)
    "#]],
    );
}

#[test]
fn the_form_is_tagged_from_the_first_known_tag_on() {
    for (text, form) in [
        ("Hello.", TextForm::Plain),
        ("[furious] Hello <b>.", TextForm::Plain),
        ("[happy] Hello.", TextForm::Tagged),
        ("Say <es>hola", TextForm::Tagged),
        ("{\"chunks\":[]}", TextForm::Structured),
        ("<think>x</think>```json\n{\"chunks\":[]}\n```", TextForm::Structured),
        ("{Hola} amigo", TextForm::Plain),
        ("```js\n{}\n```", TextForm::Plain),
    ] {
        assert_eq!(outcome("en", [text]).form, form, "{text}");
    }
}

#[test]
fn a_picture_is_shown_and_said_as_its_description() {
    check(
        "Look: ![A black cat, 3 years old](https://a.b/c.png) it sleeps. ![a dog](dog) Wow ! ![happy] Yes, it is so!",
        expect![[r#"
            Look: A black cat, 3 years old it sleeps.
            a dog Wow ! !
            happy: Yes, it is so!
        "#]],
    );
}

#[test]
fn what_stands_in_parentheses_behind_a_bracket_is_lost_only_if_it_is_an_address() {
    check(
        "The word [gato](cat) is new. See [the guide](guide.html) or [perro](dog (male)) too. [happy](cat) [1](one)",
        expect![[r#"
            The word gato (cat) is new.
            See the guide or perro (dog (male)) too.
            happy: (cat) [1](one)
        "#]],
    );
}

#[test]
fn a_text_that_ends_in_the_middle_of_a_tags_name_shows_nothing_of_it() {
    for cut in ["[", "[h", "[hap", "[EMPH", "[fi", "[ pau"] {
        let text = format!("This is the end. {cut}");
        assert_eq!(chunks("en", &text), "This is the end.\n", "{cut}");
    }
    assert_eq!(chunks("en", "This is the end [1"), "This is the end [1\n");
}
