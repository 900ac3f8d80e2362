//! Points that end no sentence.

use expect_test::expect;

use super::{check, check_live};

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
