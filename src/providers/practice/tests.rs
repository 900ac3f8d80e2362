//! What the practice tutor promises whatever the lesson.

mod every_lesson;
mod scripts;

use std::sync::LazyLock;

use super::*;
use crate::{
    domain::{Language, Level},
    prompts::Prompts,
};

static LESSONS: LazyLock<Arc<Lessons>> =
    LazyLock::new(|| Arc::new(Lessons::load(&Prompts::embedded())));

fn practice() -> Practice {
    Practice::new(LESSONS.clone())
}

fn key(language: &str, scenario: Option<&str>) -> LessonKey {
    let language = Language::parse(language).unwrap();
    LessonKey { language, level: Level::A1, scenario: scenario.map(String::from) }
}

/// A conversation, as the conversation itself would keep it.
#[derive(Clone)]
struct Talk {
    tutor: Practice,
    lesson: LessonKey,
    messages: Vec<ChatMessage>,
}

impl Talk {
    fn new(language: &str, scenario: &str) -> Self {
        Self { tutor: practice(), lesson: key(language, Some(scenario)), messages: Vec::new() }
    }

    fn request(&self) -> ChatRequest {
        let (messages, lesson) = (self.messages.clone(), self.lesson.clone());
        ChatRequest { messages, lesson, ..ChatRequest::default() }
    }

    fn expected(&self) -> Vec<String> {
        self.tutor.expected(&self.request())
    }

    fn answer(&mut self) -> String {
        let text = self.tutor.answer(&self.request());
        self.remember(Role::Assistant, &text);
        text
    }

    fn say(&mut self, text: &str) -> String {
        self.remember(Role::User, text);
        self.answer()
    }

    fn remember(&mut self, role: Role, text: &str) {
        self.messages.push(ChatMessage::said(role, text.into(), self.lesson.clone()));
    }
}

#[test]
fn a_learner_who_speaks_first_is_greeted_and_an_answer_counts() {
    let mut talk = Talk::new("en", "introductions");
    let answer = talk.say("Hello, my name is Li Wei.");
    assert!(
        answer.starts_with("[happy] Hello, and welcome! [calm] I am a practice tutor"),
        "{answer}"
    );
    assert!(
        answer.ends_with("Nice to meet you, Li Wei! [curious] Where are you from?"),
        "{answer}"
    );
    let mut talk = Talk::new("en", "introductions");
    assert!(talk.say("Good evening").ends_with("What is your name?"));
}

#[test]
fn opening_again_begins_the_lesson_again() {
    let mut talk = Talk::new("en", "introductions");
    talk.answer();
    talk.say("I am Ana");
    assert!(talk.answer().ends_with("What is your name?"));
    assert!(talk.say("I am Bo").contains("Nice to meet you, Bo!"));
}

#[test]
fn another_lesson_begins_at_its_beginning_and_the_tutor_introduces_itself_once() {
    let mut talk = Talk::new("en", "introductions");
    talk.answer();
    talk.say("I am Ana");
    talk.lesson = key("en", Some("cafe"));
    let answer = talk.say("Hi!");
    assert!(
        answer.ends_with("How are you today?") && !answer.contains("practice tutor"),
        "{answer}"
    );
    talk.lesson = key("en", Some("introductions"));
    assert!(talk.say("Hi!").ends_with("What is your name?"));
}

#[test]
fn a_mistake_that_sounds_like_a_question_about_a_word_is_corrected() {
    let mut talk = Talk::new("fr", "introductions");
    talk.answer();
    for line in ["Ana", "Je viens d’Oslo", "À Paris", "20 ans", "J'étudie", "J'adore lire"] {
        talk.say(line);
    }
    let answer = talk.say("C'est quoi enchanté ?");
    assert!(answer.contains("« enchanté » veut dire"), "{answer}");
    let answer = talk.say("Qu'est-ce que c'est ton nom ?");
    assert!(answer.contains("-> Quel est ton nom ? |"), "{answer}");
}

#[test]
fn a_lesson_in_a_script_without_spaces_or_from_right_to_left_works_alike() {
    let lesson = |say: &str, answer: &str, praise: &str, model: &str| {
        format!(
            r#"
            title = "T"
            goal = "G"
            order = 1
            role = "R"
            situation = "S"
            opening = "[happy] !"
            closing = "[proud] ."
            [[steps]]
            say = "[curious] {say}"
            answers = ["{answer}"]
            praise = ["[happy] {praise}"]
            hints = ["[encouraging] ?"]
            model = "{model}"
            "#
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let wording = Prompts::embedded().read("lessons/en/wording.toml").unwrap();
    for (tag, source) in [
        ("zh", lesson("你叫什么名字？", "我叫{name}", "你好，{Name}！", "我叫安娜。")),
        ("ar", lesson("ما اسمك؟", "اسمي {name}", "أهلا يا {Name}!", "اسمي سارة.")),
    ] {
        let language = folder.path().join("lessons").join(tag);
        std::fs::create_dir_all(language.join("a1")).unwrap();
        std::fs::write(language.join("wording.toml"), &wording).unwrap();
        std::fs::write(language.join("a1/introductions.toml"), source).unwrap();
    }
    let lessons = Lessons::load(&Prompts::new(folder.path().to_owned()));
    assert_eq!(lessons.problems(), []);
    let tutor = Practice::new(Arc::new(lessons));
    for (tag, said, praise) in [
        ("zh", "你好！我叫李小龙。", "[happy] 你好，李小龙！"),
        ("ar", "مرحبا، اِسْمي أحمد", "[happy] أهلا يا أحمد!"),
    ] {
        let mut talk = Talk { tutor: tutor.clone(), lesson: key(tag, None), messages: Vec::new() };
        talk.answer();
        assert_eq!(talk.say("嗯").as_str(), "[encouraging] ?");
        let answer = talk.say(said);
        assert!(answer.starts_with(praise), "{answer}");
    }
}

#[test]
fn a_language_without_lessons_is_declined_kindly() {
    let request = ChatRequest { lesson: key("pl", None), ..ChatRequest::default() };
    let answer = practice().answer(&request);
    assert!(
        answer.contains("language pl") && answer.contains("English") && answer.contains("Spanish")
    );
}

#[tokio::test]
async fn the_answer_streams_in_words_and_ends_with_done() {
    let request = ChatRequest { lesson: key("es", Some("cafe")), ..ChatRequest::default() };
    let expected = practice().answer(&request);
    let parts: Vec<_> = practice().reply(request).collect().await;
    let (last, texts) = parts.split_last().unwrap();
    assert_eq!(*last, Ok(ModelPart::Done(Ending::default())));
    let texts: Vec<_> = texts
        .iter()
        .map(|part| match part {
            Ok(ModelPart::Text(text)) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(texts.len() > 20);
    assert_eq!(texts.concat(), expected);
}

mod whatever_the_learner_says {
    use proptest::prelude::*;

    use super::*;
    use crate::prompts::tagged::Tagged;

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "(I am|my name|soy|me llamo|\\[happy|<en>|\\[fix: a -> b\\]|\\{name\\}| ){1,9}",
            "[a-zñ ]{0,40}",
            Just("help".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_tutor_answers_in_the_tagged_form(lines in prop::collection::vec(line(), 1..20)) {
            for (language, scenario) in [("en", "introductions"), ("es", "cafe")] {
                let mut talk = Talk::new(language, scenario);
                for line in &lines {
                    let answer = talk.say(line);
                    let (fix, rest) = match answer.split_once("[fix: ") {
                        Some((before, after)) => {
                            let (fix, after) = after.split_once(']').unwrap();
                            (Some(fix), format!("{before}{after}"))
                        }
                        None => (None, answer.clone()),
                    };
                    prop_assert!(Tagged::parse(&rest).is_ok(), "{answer}");
                    prop_assert!(fix.is_none_or(|fix| fix.contains(" -> ") && fix.contains(" | ")));
                }
            }
        }
    }
}
