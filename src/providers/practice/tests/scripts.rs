//! Whole lessons as scripts and their traces: the learner's lines and what the tutor answers.

use expect_test::{Expect, expect};

use super::Talk;

/// The tutor opens, then the learner says each line of the script.
fn check(language: &str, scenario: &str, script: &str, trace: Expect) {
    let mut talk = Talk::new(language, scenario);
    let mut lines = vec![format!("  {}", talk.answer())];
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        lines.push(format!("> {line}"));
        lines.push(format!("  {}", talk.say(line)));
    }
    trace.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn english_introductions_when_all_goes_well() {
    let script = "Hi! My name is ana.
        I'm from Peru.
        I live in New York
        I am 20 years old.
        I'm a student
        I like dancing and music.
        What’s your name?
        Goodbye, Emma!
        again";
    check(
        "en",
        "introductions",
        script,
        expect![[r#"
          [happy] Hello, and welcome! [calm] I am a practice tutor with prepared lessons, not a language model. Say “help” at any time. [curious] What is your name?
        > Hi! My name is ana.
          [happy] Nice to meet you, Ana! [curious] Where are you from?
        > I'm from Peru.
          [excited] How interesting! [curious] And where do you live now?
        > I live in New York
          [happy] I would like to visit it one day. [curious] May I ask: how old are you?
        > I am 20 years old.
          [happy] Thank you, Ana! [curious] What do you do? Are you a student, or do you have a job?
        > I'm a student
          [happy] That sounds great! [playful] And now the fun part. What do you like? For example: music, football, books.
        > I like dancing and music.
          [excited] Me too! I love dancing. [curious] Now it is your turn, Ana. Ask me my name.
        > What’s your name?
          [happy] My name is Emma. What a good question! [calm] My class begins now, so I have to go. Please say goodbye.
        > Goodbye, Emma!
          [happy] Goodbye, Ana! See you soon. [proud] Wonderful, Ana! Now you can introduce yourself in English. [happy] You answered 8 of 8 questions without help. [curious] Would you like to do it again? Just say “again”.
        > again
          [excited] Good, let us start again! [curious] What is your name?
    "#]],
    );
}

#[test]
fn english_introductions_with_mistakes_help_and_hints() {
    let script = "Hello!
        help
        My name Ana
        bananas are yellow and round and sweet
        what does from mean?
        I from Peru
        I live at Lima
        I have 20 years
        I am student
        I lik musik
        I don't understand
        the name of you it is what
        one two three four
        bye";
    check(
        "en",
        "introductions",
        script,
        expect![[r#"
              [happy] Hello, and welcome! [calm] I am a practice tutor with prepared lessons, not a language model. Say “help” at any time. [curious] What is your name?
            > Hello!
              [encouraging] Tell me your name. Start with: My name is…
            > help
              [empathetic] Take your time. You can say: My name is Ana.
            > My name Ana
              [fix: My name Ana -> My name is Ana | the sentence needs “is”] [encouraging] I understand you. We say: My name is Ana. [curious] Where are you from?
            > bananas are yellow and round and sweet
              [encouraging] Tell me your country. Start with: I am from…
            > what does from mean?
              [thoughtful] “from” means: a word for the place where you were born or where you began. [curious] Where are you from?
            > I from Peru
              [fix: I from Peru -> I am from Peru | the sentence needs “am”] [encouraging] I understand you. We say: I am from Peru. [curious] And where do you live now?
            > I live at Lima
              [fix: I live at Lima -> I live in Lima | we say “live in” with a city] [encouraging] I understand you. We say: I live in Lima. [curious] May I ask: how old are you?
            > I have 20 years
              [fix: I have 20 years -> I am 20 years old | in English we use “be” for age, not “have”] [encouraging] I understand you. We say: I am 20 years old. [curious] What do you do? Are you a student, or do you have a job?
            > I am student
              [fix: I am student -> I am a student | we use “a” before a job] [encouraging] I understand you. We say: I am a student. [playful] And now the fun part. What do you like? For example: music, football, books.
            > I lik musik
              [excited] Me too! I love musik. [fix: lik -> like | spelling] [encouraging] Almost perfect: we write “like”. [curious] Now it is your turn, Ana. Ask me my name.
            > I don't understand
              [empathetic] Of course, I can help. [encouraging] Make a question. Start with: What is…
            > the name of you it is what
              [encouraging] The words are: is, your, what, name.
            > one two three four
              [calm] No problem. You can say: What is your name? [pause:400] Let us go on. [calm] My class begins now, so I have to go. Please say goodbye.
            > bye
              [happy] Goodbye, Ana! See you soon. [proud] Wonderful, Ana! Now you can introduce yourself in English. [happy] You answered 5 of 8 questions without help. [thoughtful] Please remember: I am a student. [curious] Would you like to do it again? Just say “again”.
        "#]],
    );
}

#[test]
fn english_cafe_when_all_goes_well() {
    let script = "I'm fine, thanks. And you?
        Can I have a cup of tea, please?
        Large, please.
        No, thank you.
        To take away
        By card.
        Excuse me, where is the toilet?
        Thank you very much!";
    check(
        "en",
        "cafe",
        script,
        expect![[r#"
          [happy] Good morning, and welcome to the Blue Cup! [calm] I am a practice tutor with prepared lessons, not a language model. Say “help” at any time. [curious] How are you today?
        > I'm fine, thanks. And you?
          [happy] Thank you, it is nice to see you! [curious] What would you like to drink? We have coffee, tea and orange juice.
        > Can I have a cup of tea, please?
          [happy] Of course, a cup of tea! [curious] Small or large?
        > Large, please.
          [happy] No problem! [playful] And something to eat? We have soup, sandwiches and a wonderful chocolate cake.
        > No, thank you.
          [happy] All right! [curious] Is that for here, or to take away?
        > To take away
          [happy] Thank you! [calm] That is six pounds fifty. How would you like to pay?
        > By card.
          [happy] Thank you very much! [thoughtful] You need the toilet, but you cannot see it. Ask me.
        > Excuse me, where is the toilet?
          [happy] It is on the left, behind the door. Very well asked! [happy] Here you are, enjoy it! [pause:300] [curious] What do you say now?
        > Thank you very much!
          [happy] You are welcome. Have a lovely day! [proud] Excellent! Now you can order in a café in English. [happy] You answered 8 of 8 questions without help. [curious] Would you like to do it again? Just say “again”.
    "#]],
    );
}

#[test]
fn english_cafe_with_mistakes_typos_and_help() {
    let script = "good
        I want a coffee
        what is a juice?
        big
        help
        no idea
        help me!
        a sandwitch please
        for here plaese
        with card
        where the toilet is?
        tanks
        what does cash mean?
        ok";
    check(
        "en",
        "cafe",
        script,
        expect![[r#"
              [happy] Good morning, and welcome to the Blue Cup! [calm] I am a practice tutor with prepared lessons, not a language model. Say “help” at any time. [curious] How are you today?
            > good
              [happy] Thank you, it is nice to see you! [curious] What would you like to drink? We have coffee, tea and orange juice.
            > I want a coffee
              [fix: I want a coffee -> I would like a coffee, please | “I would like” is more polite than “I want”] [encouraging] I understand you. We say: I would like a coffee, please. [curious] Small or large?
            > what is a juice?
              [thoughtful] “juice” means: a drink made from fruit. [curious] Small or large?
            > big
              [fix: big -> Large, please | for drinks we say “large”] [encouraging] I understand you. We say: Large, please. [playful] And something to eat? We have soup, sandwiches and a wonderful chocolate cake.
            > help
              [empathetic] Of course, I can help. [encouraging] Are you hungry? Start with: Can I have… Or say: No, thank you.
            > no idea
              [empathetic] Take your time. You can say: Can I have a piece of cake, please?
            > help me!
              [empathetic] Take your time. You can say: Can I have a piece of cake, please?
            > a sandwitch please
              [happy] All right! [curious] Is that for here, or to take away?
            > for here plaese
              [happy] Thank you! [calm] That is six pounds fifty. How would you like to pay?
            > with card
              [fix: with card -> By card, please | we pay “by card”] [encouraging] I understand you. We say: By card, please. [thoughtful] You need the toilet, but you cannot see it. Ask me.
            > where the toilet is?
              [fix: where the toilet is -> Where is the toilet? | in a question “is” comes before “the toilet”] [encouraging] I understand you. We say: Where is the toilet? [happy] Here you are, enjoy it! [pause:300] [curious] What do you say now?
            > tanks
              [happy] You are welcome. Have a lovely day! [fix: tanks -> thanks | spelling] [encouraging] Almost perfect: we write “thanks”. [proud] Excellent! Now you can order in a café in English. [happy] You answered 7 of 8 questions without help. [thoughtful] Please remember: Where is the toilet? [curious] Would you like to do it again? Just say “again”.
            > what does cash mean?
              [thoughtful] “cash” means: coins and paper money.
            > ok
              [excited] Good, let us start again! [curious] How are you today?
        "#]],
    );
}

#[test]
fn spanish_introductions_when_all_goes_well() {
    let script = "¡Hola! Me llamo sara.
        soy de Estados Unidos
        Vivo en Nueva York y trabajo allí.
        tengo veinte años
        Soy profesora.
        me gustan los libros
        ¿y tú? ¿cómo te llamas?
        adios";
    check(
        "es",
        "introductions",
        script,
        expect![[r#"
          [happy] ¡Hola! Soy Lucía. [calm] <en>I am a practice tutor with prepared lessons, not a language model. Say “help” or</en> «ayuda» <en>at any time.</en> [curious] ¿Cómo te llamas? <en>What is your name?</en>
        > ¡Hola! Me llamo sara.
          [happy] ¡Encantada, Sara! [curious] ¿De dónde eres? <en>Where are you from?</en>
        > soy de Estados Unidos
          [excited] ¡Qué interesante! [curious] ¿Y dónde vives? <en>Where do you live?</en>
        > Vivo en Nueva York y trabajo allí.
          [happy] ¡Qué bien! [curious] ¿Cuántos años tienes? <en>How old are you?</en>
        > tengo veinte años
          [happy] ¡Muy bien, veinte años! [curious] ¿Estudias o trabajas? <en>Do you study or work?</en>
        > Soy profesora.
          [happy] ¡Suena muy bien! [playful] ¿Qué te gusta? <en>What do you like?</en> ¿La música, el fútbol, los libros?
        > me gustan los libros
          [excited] ¡A mí también! [curious] Ahora tú, Sara. <en>Ask me my name.</en>
        > ¿y tú? ¿cómo te llamas?
          [happy] Me llamo Lucía. ¡Qué buena pregunta! [calm] Ahora tengo clase. <en>I have a class now. Say goodbye.</en>
        > adios
          [happy] ¡Hasta luego, Sara! [proud] ¡Fantástico, Sara! <en>Now you can introduce yourself in Spanish.</en> [happy] <en>You answered 8 of 8 questions without help.</en> [curious] ¿Otra vez? <en>Say</en> «otra vez» <en>to begin again.</en>
    "#]],
    );
}

#[test]
fn spanish_introductions_with_mistakes_help_and_hints() {
    let script = "me llamo es John
        estoy de Escocia
        Yo vive en Madrid
        yo soy 20 años
        soy un estudiante
        no entiendo
        ¿Qué significa «me gusta»?
        no lo sé, no tengo ninguna idea de eso
        me gsuta el fútbol
        ¿Cómo te yamas?
        the weather is nice today
        and the sun is shining
        repite, por favor
        hasta luego";
    check(
        "es",
        "introductions",
        script,
        expect![[r#"
              [happy] ¡Hola! Soy Lucía. [calm] <en>I am a practice tutor with prepared lessons, not a language model. Say “help” or</en> «ayuda» <en>at any time.</en> [curious] ¿Cómo te llamas? <en>What is your name?</en>
            > me llamo es John
              [fix: me llamo es John -> Me llamo John | “me llamo” already means “I am called”, so nothing more is needed] [encouraging] Te entiendo. Se dice: Me llamo John. [curious] ¿De dónde eres? <en>Where are you from?</en>
            > estoy de Escocia
              [fix: estoy de Escocia -> Soy de Escocia | where you come from is always “ser de”] [encouraging] Te entiendo. Se dice: Soy de Escocia. [curious] ¿Y dónde vives? <en>Where do you live?</en>
            > Yo vive en Madrid
              [fix: Yo vive en Madrid -> Vivo en Madrid | with “yo” the verb ends in -o: yo vivo] [encouraging] Te entiendo. Se dice: Vivo en Madrid. [curious] ¿Cuántos años tienes? <en>How old are you?</en>
            > yo soy 20 años
              [fix: yo soy 20 años -> Tengo 20 años | Spanish says “I have … years” for age: tener, not ser] [encouraging] Te entiendo. Se dice: Tengo 20 años. [curious] ¿Estudias o trabajas? <en>Do you study or work?</en>
            > soy un estudiante
              [fix: soy un estudiante -> Soy estudiante | before a job Spanish leaves out un and una] [encouraging] Te entiendo. Se dice: Soy estudiante. [playful] ¿Qué te gusta? <en>What do you like?</en> ¿La música, el fútbol, los libros?
            > no entiendo
              [empathetic] Claro. <en>Let me help you.</en> [encouraging] <en>Think of something fun. Start with:</en> Me gusta…
            > ¿Qué significa «me gusta»?
              [thoughtful] «me gusta» significa <en>I like</en>. [playful] ¿Qué te gusta? <en>What do you like?</en> ¿La música, el fútbol, los libros?
            > no lo sé, no tengo ninguna idea de eso
              [calm] No pasa nada. <en>You can say:</en> Me gusta la música. [pause:400] Seguimos. [curious] Ahora tú, John. <en>Ask me my name.</en>
            > me gsuta el fútbol
              [encouraging] <en>Make a question. Start with:</en> ¿Cómo te…?
            > ¿Cómo te yamas?
              [happy] Me llamo Lucía. ¡Qué buena pregunta! [fix: yamas -> llamas | spelling] [encouraging] Casi perfecto: se escribe «llamas». [calm] Ahora tengo clase. <en>I have a class now. Say goodbye.</en>
            > the weather is nice today
              [encouraging] <en>It begins with:</en> a… <en>Or say</en> hasta…
            > and the sun is shining
              [calm] No pasa nada. <en>You can say:</en> ¡Adiós, hasta luego! [pause:400] Seguimos. [proud] ¡Fantástico, John! <en>Now you can introduce yourself in Spanish.</en> [happy] <en>You answered 5 of 8 questions without help.</en> [thoughtful] <en>Please remember:</en> Soy estudiante. [curious] ¿Otra vez? <en>Say</en> «otra vez» <en>to begin again.</en>
            > repite, por favor
              [excited] ¡Muy bien, otra vez! [curious] ¿Cómo te llamas? <en>What is your name?</en>
            > hasta luego
              [encouraging] <en>Tell me your name. Start with:</en> Me llamo…
        "#]],
    );
}

#[test]
fn spanish_cafe_when_all_goes_well() {
    let script = "Buenos días
        Quisiera un café con leche, por favor.
        pequeño
        una tostada
        No, gracias.
        La cuenta, por favor
        Con tarjeta
        ¡Muchas gracias! ¡Adiós!
        otra vez";
    check(
        "es",
        "cafe",
        script,
        expect![[r#"
          [happy] ¡Hola! Este es el Café Sol y yo soy Diego. [calm] <en>I am a practice tutor with prepared lessons, not a language model. Say “help” or</en> «ayuda» <en>at any time.</en> [happy] ¡Buenos días! <en>Greet me, too.</en>
        > Buenos días
          [proud] ¡Perfecto! [curious] ¿Qué quieres beber? <en>What would you like to drink?</en> ¿Un café, un té, un zumo?
        > Quisiera un café con leche, por favor.
          [happy] ¡Muy bien, un café con leche! [curious] ¿Pequeño o grande? <en>Small or large?</en>
        > pequeño
          [happy] ¡Perfecto! [playful] ¿Y para comer? <en>And to eat?</en> Tenemos tostadas, tortilla y churros.
        > una tostada
          [happy] ¡Enseguida! [curious] ¿Algo más? <en>Anything else?</en>
        > No, gracias.
          [calm] Muy bien. [calm] <en>You have finished. Ask me for the bill.</en> ¿Qué dices?
        > La cuenta, por favor
          [proud] ¡Muy bien dicho! [curious] Son cuatro euros. ¿Con tarjeta o en efectivo? <en>By card or in cash?</en>
        > Con tarjeta
          [happy] ¡Muchas gracias! [happy] ¡Aquí tienes! <en>Here you are. Thank me and say goodbye.</en>
        > ¡Muchas gracias! ¡Adiós!
          [happy] ¡De nada, hasta pronto! [proud] ¡Excelente! <en>Now you can order in a café in Spanish.</en> [happy] <en>You answered 8 of 8 questions without help.</en> [curious] ¿Otra vez? <en>Say</en> «otra vez» <en>to begin again.</en>
        > otra vez
          [excited] ¡Muy bien, otra vez! [happy] ¡Buenos días! <en>Greet me, too.</en>
    "#]],
    );
}

#[test]
fn spanish_cafe_with_mistakes_typos_and_help() {
    let script = "buenas días
        ¿Puedo tener un té?
        pequeno
        ayuda
        ¿cómo se dice juice?
        un tostada
        no más
        el cuenta por favor
        con efectivo
        muchas grasias";
    check(
        "es",
        "cafe",
        script,
        expect![[r#"
              [happy] ¡Hola! Este es el Café Sol y yo soy Diego. [calm] <en>I am a practice tutor with prepared lessons, not a language model. Say “help” or</en> «ayuda» <en>at any time.</en> [happy] ¡Buenos días! <en>Greet me, too.</en>
            > buenas días
              [fix: buenas días -> Buenos días | día is masculine although it ends in -a: buenos días] [encouraging] Te entiendo. Se dice: Buenos días. [curious] ¿Qué quieres beber? <en>What would you like to drink?</en> ¿Un café, un té, un zumo?
            > ¿Puedo tener un té?
              [fix: Puedo tener un té -> Quiero un té, por favor | to order, say “quiero”; “can I have” cannot be put into Spanish word by word] [encouraging] Te entiendo. Se dice: Quiero un té, por favor. [curious] ¿Pequeño o grande? <en>Small or large?</en>
            > pequeno
              [happy] ¡Perfecto! [fix: pequeno -> pequeño | spelling] [encouraging] Casi perfecto: se escribe «pequeño». [playful] ¿Y para comer? <en>And to eat?</en> Tenemos tostadas, tortilla y churros.
            > ayuda
              [empathetic] Claro. <en>Let me help you.</en> [encouraging] <en>Are you hungry? Start with:</en> Quiero… <en>Or say:</en> No, gracias.
            > ¿cómo se dice juice?
              [thoughtful] «el zumo» significa <en>juice</en>. [playful] ¿Y para comer? <en>And to eat?</en> Tenemos tostadas, tortilla y churros.
            > un tostada
              [fix: un tostada -> Una tostada, por favor | tostada is feminine: una tostada] [encouraging] Te entiendo. Se dice: Una tostada, por favor. [curious] ¿Algo más? <en>Anything else?</en>
            > no más
              [fix: no más -> Nada más, gracias | “nothing else” is “nada más”] [encouraging] Te entiendo. Se dice: Nada más, gracias. [calm] <en>You have finished. Ask me for the bill.</en> ¿Qué dices?
            > el cuenta por favor
              [fix: el cuenta -> La cuenta, por favor | in a café the bill is “la cuenta”] [encouraging] Te entiendo. Se dice: La cuenta, por favor. [curious] Son cuatro euros. ¿Con tarjeta o en efectivo? <en>By card or in cash?</en>
            > con efectivo
              [fix: con efectivo -> En efectivo | “in cash” is “en efectivo”] [encouraging] Te entiendo. Se dice: En efectivo. [happy] ¡Aquí tienes! <en>Here you are. Thank me and say goodbye.</en>
            > muchas grasias
              [happy] ¡De nada, hasta pronto! [fix: grasias -> gracias | spelling] [encouraging] Casi perfecto: se escribe «gracias». [proud] ¡Excelente! <en>Now you can order in a café in Spanish.</en> [happy] <en>You answered 7 of 8 questions without help.</en> [thoughtful] <en>Please remember:</en> En efectivo. [curious] ¿Otra vez? <en>Say</en> «otra vez» <en>to begin again.</en>
        "#]],
    );
}
