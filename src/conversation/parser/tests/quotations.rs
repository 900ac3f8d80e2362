//! What stands in quotation marks and brackets.

use expect_test::expect;

use super::{check, check_live};

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
