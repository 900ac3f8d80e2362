//! What of a shown text is said.

use expect_test::{Expect, expect};

use super::chunks;

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&chunks("en", text));
}

#[test]
fn markdown_is_not_spoken() {
    check(
        "## My **bold** and *gato* and _perro_ and ~~old~~ snake_case, habl**o**, 2 * 3 = 6.",
        expect![[r#"
        ## My **bold** and *gato* and _perro_ and ~~old~~ snake_case, → en:My bold and gato and perro and old snake_case,
        habl**o**, 2 * 3 = 6. → en:hablo, 2 * 3 = 6.
    "#]],
    );
    check(
        "> Quoted words are here\n* item one of it\n- item two of it\n+ item three of it\n---\nThe very end.",
        expect![[r#"
        > Quoted words are here → en:Quoted words are here
        * item one of it → en:item one of it
        - item two of it → en:item two of it
        + item three of it → en:item three of it
        ---⏎The very end. → en:The very end.
    "#]],
    );
    check(
        "| yo | soy muy |\n|----|-----|\n| tú | eres tan |\n",
        expect![[r#"
        | yo | soy muy | → en:yo soy muy
        |----|-----|⏎| tú | eres tan | → en:tú eres tan
    "#]],
    );
    check(
        "Use `hola amigo` or `foo(bar);` in it. The blank: Yo ____ un gato.",
        expect![[r#"
        Use `hola amigo` or `foo(bar);` in it. → en:Use hola amigo or in it.
        The blank: Yo ____ un gato. → en:The blank: Yo un gato.
    "#]],
    );
}

#[test]
fn code_blocks_are_shown_with_the_chunk_around_them() {
    check(
        "Here:\n```rust\nfn main() {}. Yes!\n```\nNow you run it. Good.",
        expect![[r#"
        Here:⏎```rust⏎fn main() {}. Yes!⏎``` → en:Here:
        Now you run it.
        Good.
    "#]],
    );
    check(
        "Look at this example:\n```\nlet a = 1.\n```\n",
        expect![[r#"
        Look at this example:⏎```⏎let a = 1.⏎``` → en:Look at this example:
    "#]],
    );
    check(
        "```\nlet a = 1.\n```",
        expect![[r#"
        ```⏎let a = 1.⏎``` → 
    "#]],
    );
}

#[test]
fn addresses_pictures_and_arrows_are_not_spoken() {
    check(
        "See https://example.com/a_b?c=d. Or www.foo.org, or mail me@x.org!",
        expect![[r#"
        See https://example.com/a_b?c=d. → en:See .
        Or www.foo.org, or mail me@x.org! → en:Or , or mail !
    "#]],
    );
    check(
        "看看https://example.com/a，很好的网站。我觉得这个很有意思。",
        expect![[r#"
        看看https://example.com/a，很好的网站。我觉得这个很有意思。 → en:看看 ，很好的网站。我觉得这个很有意思。
    "#]],
    );
    check(
        "I ❤️ you 👨‍👩‍👧‍👦 and 🇪🇸 1️⃣ go → went © 2024 naïve.",
        expect![[r#"
        I ❤️ you 👨‍👩‍👧‍👦 and 🇪🇸 1️⃣ go → went © 2024 naïve. → en:I you and go went © 2024 naïve.
    "#]],
    );
}

#[test]
fn stage_directions_are_not_spoken_and_italics_are() {
    check(
        "*smiles* Hello there. (laughs softly) The word *gato* means cat. *se ríe* ¡Hola! (ríe) **nods**",
        expect![[r#"
        *smiles* Hello there. → en:Hello there.
        (laughs softly) The word *gato* means cat. → en:The word gato means cat.
        *se ríe* ¡Hola! (ríe) **nods** → en:¡Hola!
    "#]],
    );
}

#[test]
fn what_has_nothing_to_say_joins_its_neighbours() {
    check(
        "😊 ... Hello there, my friend. *smiles* ",
        expect![[r#"
        😊 ... Hello there, my friend. *smiles* → en:Hello there, my friend.
    "#]],
    );
    check(
        "😊",
        expect![[r#"
        😊 → 
    "#]],
    );
    check(
        "... !!! ???",
        expect![[r#"
        ... !!! ??? → 
    "#]],
    );
    check(
        "https://example.com/only",
        expect![[r#"
        https://example.com/only → 
    "#]],
    );
    check("", expect![[""]]);
    check(" \n [happy] ", expect![[""]]);
}

#[test]
fn an_emoticon_that_stands_alone_is_shown_and_not_said() {
    check(
        "That is very good :D Now you ;-) and then I :( or xD, maybe. The ratio is 3:D and x = D here.",
        expect![[r#"
            That is very good :D Now you ;-) and then I :( or xD, → en:That is very good Now you and then I or ,
            maybe. The ratio is 3:D and x = D here.
        "#]],
    );
}
