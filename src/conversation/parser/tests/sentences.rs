//! Where sentences are cut, and how soon.

use expect_test::{Expect, expect};

use super::{chunks, live};

fn check(tag: &str, text: &str, expected: Expect) {
    expected.assert_eq(&chunks(tag, text));
}

fn check_live(tag: &str, text: &str, expected: Expect) {
    expected.assert_eq(&live(tag, text));
}

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
fn abbreviations_and_initials_do_not_cut() {
    check(
        "en",
        "Yesterday Mr. Smith and Dr. Jones met J. R. R. Tolkien in the U.S.A. near St. Paul. Nice!",
        expect![[r#"
        Yesterday Mr. Smith and Dr. Jones met J. R. R. Tolkien in the U.S.A. near St. Paul.
        Nice!
    "#]],
    );
    check(
        "en",
        "We eat fruit, e.g. Apples, pears etc. and more. We eat bread, cheese etc. Then we sleep at 9 p.m. Every day.",
        expect![[r#"
        We eat fruit, e.g. Apples,
        pears etc. and more.
        We eat bread, cheese etc.
        Then we sleep at 9 p.m.
        Every day.
    "#]],
    );
    check(
        "en",
        "He certainly said no. Then he gave me the number, No. 5 on the list.",
        expect![[r#"
        He certainly said no.
        Then he gave me the number, No. 5 on the list.
    "#]],
    );
}

#[test]
fn abbreviations_of_other_languages_do_not_cut() {
    check(
        "es",
        "La Sra. García vive en EE.UU. con el Dr. Pérez. Ud. la conoce bien. Llega a las 5 p.m. Nos vemos.",
        expect![[r#"
        La Sra. García vive en EE.UU. con el Dr. Pérez.
        Ud. la conoce bien.
        Llega a las 5 p.m.
        Nos vemos.
    "#]],
    );
    check(
        "fr",
        "Mme. Dupont et M. Martin habitent ici, p.ex. au nord. Ils sont contents.",
        expect![[r#"
        Mme. Dupont et M. Martin habitent ici,
        p.ex. au nord.
        Ils sont contents.
    "#]],
    );
    check(
        "de",
        "Ich mag Tiere, z.B. Hunde, Katzen usw. Und du? Das kostet ca. 5 Euro bzw. Sechs.",
        expect![[r#"
        Ich mag Tiere, z.B. Hunde,
        Katzen usw. Und du?
        Das kostet ca. 5 Euro bzw. Sechs.
    "#]],
    );
    check(
        "it",
        "Il Sig. Rossi e la Dott.ssa Bianchi mangiano pane, vino ecc. ogni giorno. Bello!",
        expect![[r#"
        Il Sig. Rossi e la Dott.ssa Bianchi mangiano pane,
        vino ecc. ogni giorno.
        Bello!
    "#]],
    );
    check(
        "pt",
        "O Sr. Silva e a Dra. Costa moram no Rio, na Av. Central. Eles gostam.",
        expect![[r#"
        O Sr. Silva e a Dra. Costa moram no Rio,
        na Av. Central.
        Eles gostam.
    "#]],
    );
}

#[test]
fn numbers_times_and_dates_do_not_cut() {
    check(
        "en",
        "The number pi is 3.14 and the train leaves at 9.30 or 10:30 for $1,000.50 today. Good.",
        expect![[r#"
        The number pi is 3.14 and the train leaves at 9.30 or 10:30 for $1,000.50 today.
        Good.
    "#]],
    );
    check(
        "en",
        "I was born in the year 1990. It was cold. I have exactly 3. Now you.",
        expect![[r#"
        I was born in the year 1990.
        It was cold.
        I have exactly 3.
        Now you.
    "#]],
    );
    check(
        "de",
        "Ich habe am 3. Oktober Geburtstag, genau am 3.10.2026 um 9.30 Uhr. Komm doch auch!",
        expect![[r#"
        Ich habe am 3. Oktober Geburtstag,
        genau am 3.10.2026 um 9.30 Uhr.
        Komm doch auch!
    "#]],
    );
    check_live(
        "en",
        "I was born in the year 1990. It was version 2.0.1 then.",
        expect![[r#"
        I was born in the year 1990.| It was version 2.0.1 then.|
    "#]],
    );
}

#[test]
fn list_marks_stay_with_their_items() {
    check(
        "en",
        "Here are three new words:\n1. The cat is black.\n2. The dog is white.\n- one\n- two and three\n• four and five",
        expect![[r#"
        Here are three new words:
        1. The cat is black.
        2. The dog is white.
        - one⏎- two and three → en:one two and three
        • four and five → en:four and five
    "#]],
    );
    check(
        "en",
        "Repeat after me: 1. I am here. 2. You are there.",
        expect![[r#"
        Repeat after me: 1. I am here.
        2. You are there.
    "#]],
    );
    check(
        "en",
        "# My first lesson\nHello there.",
        expect![[r#"
        # My first lesson → en:My first lesson
        Hello there.
    "#]],
    );
}

#[test]
fn addresses_do_not_cut() {
    check(
        "en",
        "Look at https://example.com/a?b=c!d.html for more. Or visit example.com. It is good.",
        expect![[r#"
        Look at https://example.com/a?b=c!d.html for more. → en:Look at for more.
        Or visit example.com.
        It is good.
    "#]],
    );
    check(
        "en",
        "Write to ana.maria@example.org. She answers. Go to google.com. Search there.",
        expect![[r#"
        Write to ana.maria@example.org. → en:Write to .
        She answers.
        Go to google.com.
        Search there.
    "#]],
    );
    check_live(
        "en",
        "I really love my google. I go to this website. I love apples.",
        expect![[r#"
        I really love my google.| I go to this website.| I love apples.|
    "#]],
    );
}

#[test]
fn an_ellipsis_does_not_cut_and_surplus_marks_follow_the_chunk() {
    check_live(
        "en",
        "That is… well... I think it is fine... Really?! Oh nooooooo no!!! Yes.",
        expect![[r#"
        That is… well... I think it is fine.|.{.}.{.} Really?! Oh nooooooo no!|!{!}!{!} Yes.|
    "#]],
    );
    check_live(
        "es",
        "Yo creo que sí, pues... no sé. ¿De verdad lo crees?!",
        expect![[r#"
        Yo creo que sí, pues... no sé.| ¿De verdad lo crees?|!{!}
    "#]],
    );
}

#[test]
fn quotations_and_brackets_are_kept_whole() {
    check(
        "en",
        "She said \"Come here! Now. Please?\" and left. He said \"I will be there.\" She smiled.",
        expect![[r#"
        She said "Come here! Now. Please?" and left.
        He said "I will be there."
        She smiled.
    "#]],
    );
    check(
        "en",
        "It is cold (really. Very!) outside today. “I am so tired today.” Then he slept.",
        expect![[r#"
        It is cold (really. Very!) outside today.
        “I am so tired today.”
        Then he slept.
    "#]],
    );
    check(
        "de",
        "Er sagte: „Ich komme. Morgen!“ und ging. »Das ist wirklich schön.« Sie lachte.",
        expect![[r#"
        Er sagte: „Ich komme. Morgen!“ und ging.
        »Das ist wirklich schön.«
        Sie lachte.
    "#]],
    );
    check(
        "fr",
        "Elle a dit : « Bonjour tout le monde ! » Puis elle est partie. « Oui ! » dit-il alors.",
        expect![[r#"
        Elle a dit : « Bonjour tout le monde ! »
        Puis elle est partie.
        « Oui ! » dit-il alors.
    "#]],
    );
}

#[test]
fn east_asian_quotations_are_kept_whole() {
    check(
        "ja",
        "「こんにちは。元気ですか？」と先生は言いました。「はい、元気です。ありがとう。」先生は笑いました。",
        expect![[r#"
        「こんにちは。元気ですか？」と先生は言いました。
        「はい、元気です。ありがとう。」
        先生は笑いました。
    "#]],
    );
    check(
        "zh",
        "老师说：“你好。你好吗？”我说：“我很好，谢谢你的关心！”然后我们一起去吃饭了。",
        expect![[r#"
        老师说：“你好。你好吗？”
        我说：“我很好，谢谢你的关心！”
        然后我们一起去吃饭了。
    "#]],
    );
    check_live(
        "en",
        "Do you know the word for it (\"gato\")? It's \"cat\"! And that's the dogs' house.",
        expect![[r#"
        Do you know the word for it ("gato")?| It's "cat"! And that's the dogs' house.|
    "#]],
    );
}

#[test]
fn apostrophes_and_inches_open_no_quotation() {
    check(
        "en",
        "He is 5'10\" or so. It's the dogs' house. 'Hello,' he said. We rock 'n' roll.",
        expect![[r#"
            He is 5'10" or so.
            It's the dogs' house.
            'Hello,' he said.
            We rock 'n' roll.
        "#]],
    );
}

#[test]
fn an_unclosed_quotation_does_not_block() {
    check(
        "en",
        "He said \"I am here. And then.\nNext line is here. And so on, we go.",
        expect![[r#"
        He said "I am here. And then.
        Next line is here.
        And so on, we go.
    "#]],
    );
    check(
        "en",
        "I am happy today :( but why. Because (I lost. So what.\nOk then, friend. Bye bye now.",
        expect![[r#"
        I am happy today :( but why. → en:I am happy today but why.
        Because (I lost. So what.
        Ok then, friend.
        Bye bye now.
    "#]],
    );
}

#[test]
fn closing_marks_behind_a_cut_belong_to_it() {
    check_live(
        "en",
        "**That is very good!** Now you. I am really happy!) Yes",
        expect![[r#"
        **That is very good!|*{*}*{*} Now you. I am really happy!|){)} Yes|
    "#]],
    );
    check_live(
        "en",
        "That is very good! 😊👍🏽 Now you. 👩‍👩‍👧 Next\n🐱 gato is a cat.",
        expect![[r#"
        That is very good!| 😊{ 😊}👍{👍}🏽{🏽} Now you. 👩‍👩‍👧 Next|
        🐱 gato is a cat.|
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
