//! Where sentences are cut, and how soon.

use expect_test::expect;

use super::{check, check_live};

#[test]
fn a_chunk_is_a_sentence_and_a_short_one_joins_the_next() {
    check(
        "en",
        "Hi! How are you today? I am very well. Ok.",
        expect![[r#"
        Hi! How are you today?
        I am very well.
        Ok.
    "#]],
    );
    check(
        "es",
        "¡Hola! ¿Cómo te llamas? Yo me llamo Ana. Vale.",
        expect![[r#"
        ¡Hola! ¿Cómo te llamas?
        Yo me llamo Ana.
        Vale.
    "#]],
    );
}

#[test]
fn a_mark_that_needs_no_look_ahead_cuts_at_once() {
    check_live(
        "en",
        "How are you today? Wonderful to hear! That is nice.",
        expect![[r#"
        How are you today?| Wonderful to hear!| That is nice.|
    "#]],
    );
    check_live(
        "fr",
        "Bonjour tout le monde ! Comment allez-vous ? Bien.",
        expect![[r#"
            Bonjour tout le monde !| Comment allez-vous ?| Bien.|
        "#]],
    );
    check_live(
        "zh",
        "你好吗？我今天去了北京的故宫。真的非常漂亮，你也应该去看看！",
        expect![[r#"
        你好吗？我今天去了北京的故宫。|真的非常漂亮，你也应该去看看！|
    "#]],
    );
    check_live(
        "ja",
        "今日はとてもいい天気ですね。一緒に公園へ行きませんか？",
        expect![[r#"
        今日はとてもいい天気ですね。|一緒に公園へ行きませんか？|
    "#]],
    );
    check_live(
        "ar",
        "مرحبا يا صديقي العزيز! كيف حالك اليوم؟ أنا بخير.",
        expect![[r#"
        مرحبا يا صديقي العزيز!| كيف حالك اليوم؟| أنا بخير.|
    "#]],
    );
    check_live(
        "hi",
        "मैं आज बहुत खुश हूँ। आप कैसे हैं और क्या कर रहे हैं?",
        expect![[r#"
        मैं आज बहुत खुश हूँ।| आप कैसे हैं और क्या कर रहे हैं?|
    "#]],
    );
    check_live(
        "ur",
        "میں آج بہت خوش ہوں۔ آپ کیسے ہیں؟",
        expect![[r#"
        میں آج بہت خوش ہوں۔| آپ کیسے ہیں؟|
    "#]],
    );
}

#[test]
fn the_first_chunk_may_end_with_a_clause() {
    check_live(
        "en",
        "Today we are going to learn about food, and it is fun. When you are in a shop in town, ask for bread.",
        expect![[r#"
        Today we are going to learn about food,| and it is fun.| When you are in a shop in town, ask for bread.|
    "#]],
    );
    check_live(
        "en",
        "It is big, and old, and round, and 24 letters, 1,000 of them, I think.",
        expect![[r#"
        It is big, and old, and round,| and 24 letters, 1,000 of them, I think.|
    "#]],
    );
    check_live(
        "en",
        "There were very many people, 1,000,000 of them.",
        expect![[r#"
        There were very many people,| 1,000,000 of them.|
    "#]],
    );
    check_live(
        "fr",
        "Aujourd'hui nous allons parler : du temps qu'il fait.",
        expect![[r#"
        Aujourd'hui nous allons parler :| du temps qu'il fait.|
    "#]],
    );
    check_live(
        "en",
        "I like the weather at the seaside :) and you?",
        expect![[r#"
        I like the weather at the seaside :) and you?|
    "#]],
    );
}

#[test]
fn thai_ends_phrases_with_spaces() {
    check_live(
        "th",
        "สวัสดีครับ ผมชื่อสมชาย วันนี้เราจะเรียนภาษาไทยด้วยกัน คุณพร้อมไหม ไปกันเถอะ",
        expect![[r#"
        สวัสดีครับ ผมชื่อสมชาย วันนี้เราจะเรียนภาษาไทยด้วยกัน ค|ุณพร้อมไหม ไปกันเถอะ|
    "#]],
    );
}

#[test]
fn what_is_too_long_breaks_at_a_clause_then_at_a_word_then_between_graphemes() {
    let words = "word ".repeat(60);
    check(
        "en",
        &format!("{words}."),
        expect![[r#"
        word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word
        word word word word word word word word word word word word word word word word word word word word .
    "#]],
    );
    check(
        "en",
        &format!("{}, {words}", "word ".repeat(30).trim_end()),
        expect![[r#"
        word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word,
        word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word
        word word word word word word word word word word word word word word word word word word word word
    "#]],
    );
    check(
        "hi",
        &"क्षि".repeat(210),
        expect![[r#"
        क्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षि
        क्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षिक्षि
    "#]],
    );
}
