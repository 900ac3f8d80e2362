//! The practice tutor: whatever a learner writes, the answer shows no tag and corrects nothing that was not written.

use std::sync::{Arc, LazyLock};

use parla::{
    conversation::parser::{Parser, Piece},
    domain::Role,
    prompts::{Prompts, lessons::Lessons},
    providers::{ChatMessage, ChatRequest, LessonKey, practice::Practice},
};

/// Lines of a learner that are read; each costs all those before it again.
const LINES: usize = 8;

static LESSONS: LazyLock<Arc<Lessons>> =
    LazyLock::new(|| Arc::new(Lessons::load(&Prompts::embedded())));

/// The first byte chooses the lesson, each line is what the learner says next.
pub(crate) fn check(bytes: &[u8]) {
    let Some((choice, lines)) = bytes.split_first() else { return };
    let all = LESSONS.all();
    let lesson = &all[usize::from(*choice) % all.len()];
    let (language, level) = (lesson.language.clone(), lesson.level);
    let key = LessonKey { language, level, scenario: Some(lesson.id.clone()) };
    let tutor = Practice::new(LESSONS.clone());
    let mut messages = Vec::new();
    let mut answer = tell(&tutor, &mut messages, None, &key);
    for line in String::from_utf8_lossy(lines).split('\n').take(LINES) {
        answer = tell(&tutor, &mut messages, Some(line), &key);
        assert_clean(&answer, &key);
    }
    assert!(!answer.is_empty());
}

fn tell(
    tutor: &Practice,
    messages: &mut Vec<ChatMessage>,
    line: Option<&str>,
    lesson: &LessonKey,
) -> String {
    let message = |role, text: &str| ChatMessage::said(role, text.to_owned(), lesson.clone());
    messages.extend(line.map(|line| message(Role::User, line)));
    let (said, lesson) = (messages.clone(), lesson.clone());
    let request = ChatRequest { messages: said, lesson, ..ChatRequest::default() };
    let answer = tutor.answer(&request);
    messages.push(message(Role::Assistant, &answer));
    answer
}

fn assert_clean(answer: &str, lesson: &LessonKey) {
    let mut parser = Parser::new(lesson.language.clone());
    let mut pieces = parser.push(answer);
    pieces.extend(parser.finish());
    assert!(pieces.iter().any(|piece| matches!(piece, Piece::Chunk(_))), "silent: {answer:?}");
    for piece in pieces {
        match piece {
            Piece::Text(text) => assert!(!text.contains(is_markup), "{text:?} of {answer:?}"),
            Piece::Chunk(draft) => {
                assert!(!draft.text.contains(is_markup), "{draft:?} of {answer:?}");
            }
            Piece::Correction(correction) => assert!(!correction.suggestion.is_empty()),
            Piece::Amend { .. } => {}
        }
    }
}

fn is_markup(letter: char) -> bool {
    "[]<>{}".contains(letter)
}
