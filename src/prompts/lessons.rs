//! All lessons of `prompts/lessons/`, found by language, level and scenario. A bad file never hides the others.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::Serialize;

use super::{
    Prompts,
    fault::Fault,
    lesson::{Lesson, LessonPlace, parse_language},
    wording::Wording,
};
use crate::domain::{Language, Level};

/// Where lessons stand in the folder of prompts.
pub const FOLDER: &str = "lessons/";
const WORDING: &str = "wording.toml";

/// The catalogue.
#[derive(Clone, Debug, Default)]
pub struct Lessons {
    /// By language, level and the teacher's order.
    lessons: Vec<Arc<Lesson>>,
    wordings: BTreeMap<String, Arc<Wording>>,
    problems: Vec<Problem>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path inside the folder of prompts.
    pub file: String,
    pub fault: Fault,
}

/// What a list of lessons shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    pub id: String,
    pub title: String,
    pub language: Language,
    pub level: Level,
    pub goal: String,
}

impl Lessons {
    /// Reads every file once. Look at [`Lessons::problems`] afterwards.
    #[must_use]
    pub fn load(prompts: &Prompts) -> Self {
        Self::load_below(prompts, FOLDER)
    }

    /// The same for lessons below another folder than `lessons/`; `root` is empty or ends in `/`.
    #[must_use]
    pub fn load_below(prompts: &Prompts, root: &str) -> Self {
        let mut lessons = Self::default();
        let files = prompts.list(root);
        let (wordings, files): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.ends_with(&format!("/{WORDING}")));
        for file in wordings {
            let read = lessons.read_wording(prompts, root, &file);
            lessons.note(&file, read);
        }
        for file in files.into_iter().filter(|file| file.ends_with(".toml")) {
            let read = lessons.read_lesson(prompts, root, &file);
            lessons.note(&file, read);
        }
        lessons.lessons.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
        lessons
    }

    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// All lessons, by language, level and the teacher's order.
    #[must_use]
    pub fn all(&self) -> &[Arc<Lesson>] {
        &self.lessons
    }

    /// The scenario at the nearest level; without one of that name (or without a name) the first lesson at the
    /// nearest level; `None` when there is no lesson in the language. A region falls back to its language.
    #[must_use]
    pub fn find(
        &self,
        language: &Language,
        level: Level,
        scenario: Option<&str>,
    ) -> Option<&Arc<Lesson>> {
        let exact = self.nearest(language.as_str(), level, scenario);
        exact.or_else(|| self.nearest(language.primary(), level, scenario))
    }

    /// The tutor's own words in a lesson's language.
    #[must_use]
    pub fn wording(&self, lesson: &Lesson) -> &Arc<Wording> {
        self.wordings
            .get(lesson.language.as_str())
            .expect("invariant: a lesson is read only when its language has a wording")
    }

    /// The languages that have a lesson, as people call them in English.
    #[must_use]
    pub fn language_names(&self) -> Vec<&str> {
        let has_lesson =
            |tag: &str| self.lessons.iter().any(|lesson| lesson.language.as_str() == tag);
        let taught = self.wordings.iter().filter(|(tag, _)| has_lesson(tag));
        taught.map(|(_, wording)| wording.name.as_str()).collect()
    }

    /// What a list of all lessons shows, in the same order.
    pub fn scenarios(&self) -> impl Iterator<Item = Scenario> {
        self.lessons.iter().map(|lesson| Scenario {
            id: lesson.id.clone(),
            title: lesson.title.clone(),
            language: lesson.language.clone(),
            level: lesson.level,
            goal: lesson.goal.clone(),
        })
    }

    fn nearest(&self, tag: &str, level: Level, scenario: Option<&str>) -> Option<&Arc<Lesson>> {
        let in_language = || self.lessons.iter().filter(|lesson| lesson.language.as_str() == tag);
        // Of two levels as near, the lower: the first, as lessons are in order.
        let distance = |lesson: &&Arc<Lesson>| (lesson.level as i8).abs_diff(level as i8);
        let named = in_language().filter(|lesson| Some(lesson.id.as_str()) == scenario);
        named.min_by_key(distance).or_else(|| in_language().min_by_key(distance))
    }

    fn read_wording(
        &mut self,
        prompts: &Prompts,
        root: &str,
        file: &str,
    ) -> Result<(), Vec<Fault>> {
        let path = file.strip_prefix(root).unwrap_or(file);
        let folder = path.trim_end_matches(WORDING).trim_end_matches('/');
        let language = parse_language(folder).map_err(whole)?;
        let wording = Wording::parse(&read(prompts, file)?).map_err(|fault| vec![fault])?;
        self.wordings.insert(language.as_str().into(), Arc::new(wording));
        Ok(())
    }

    fn read_lesson(&mut self, prompts: &Prompts, root: &str, file: &str) -> Result<(), Vec<Fault>> {
        let place = LessonPlace::parse(file.strip_prefix(root).unwrap_or(file)).map_err(whole)?;
        let wording = self.wordings.get(place.language.as_str()).ok_or_else(|| {
            whole(format!("{root}{}/{WORDING} is missing or unusable", place.language))
        })?;
        let lesson = Lesson::parse(place, &read(prompts, file)?, wording)?;
        self.lessons.push(Arc::new(lesson));
        Ok(())
    }

    fn note(&mut self, file: &str, read: Result<(), Vec<Fault>>) {
        let faults = read.err().unwrap_or_default();
        self.problems
            .extend(faults.into_iter().map(|fault| Problem { file: file.to_owned(), fault }));
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault.line {
            Some(line) => write!(out, "{}:{line}: {}", self.file, self.fault.reason),
            None => write!(out, "{}: {}", self.file, self.fault.reason),
        }
    }
}

fn whole(reason: String) -> Vec<Fault> {
    vec![Fault::of_file(reason)]
}

fn read(prompts: &Prompts, file: &str) -> Result<String, Vec<Fault>> {
    prompts.read(file).ok_or_else(|| whole("it cannot be read as UTF-8 text".to_owned()))
}

fn sort_key(lesson: &Lesson) -> (&str, Level, u32, &str) {
    (lesson.language.as_str(), lesson.level, lesson.order, &lesson.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::parse(tag).unwrap()
    }

    fn embedded() -> Lessons {
        Lessons::load(&Prompts::embedded())
    }

    #[test]
    fn every_lesson_of_the_house_is_well_formed() {
        let lessons = embedded();
        assert_eq!(lessons.problems(), []);
        let ids: Vec<_> = lessons
            .scenarios()
            .map(|scenario| {
                format!("{}/{}/{}", scenario.language, scenario.level.name(), scenario.id)
            })
            .collect();
        let scenes = ["introductions", "cafe", "directions", "shopping", "doctor", "travel"];
        for level in ["en/A1", "en/A2", "es/A1", "es/A2"] {
            let own = ids.iter().filter_map(|id| id.strip_prefix(level)?.strip_prefix('/'));
            assert_eq!(own.collect::<Vec<_>>(), scenes, "{level}");
        }
    }

    #[test]
    fn a_lesson_is_found_by_the_nearest_level_then_by_the_language() {
        let lessons = embedded();
        let find = |tag, level, scenario| {
            lessons.find(&language(tag), level, scenario).map(|lesson| lesson.path())
        };
        let found = |path: &str| Some(path.to_owned());
        assert_eq!(find("es", Level::A1, Some("cafe")), found("es/a1/cafe.toml"));
        assert_eq!(find("es", Level::A2, Some("cafe")), found("es/a2/cafe.toml"));
        assert_eq!(find("es", Level::B1, Some("doctor")), found("es/a2/doctor.toml"));
        assert_eq!(find("es-MX", Level::C1, Some("cafe")), found("es/a2/cafe.toml"));
        assert_eq!(find("en", Level::A1, None), found("en/a1/introductions.toml"));
        assert_eq!(find("en", Level::C2, None), found("en/a2/introductions.toml"));
        assert_eq!(find("en", Level::A2, Some("moon")), found("en/a2/introductions.toml"));
        assert_eq!(find("tlh", Level::A1, Some("cafe")), None);
    }

    const GOOD: &str = r#"
        title = "T"
        goal = "G"
        order = 1
        role = "R"
        situation = "S"
        opening = "[happy] Hi!"
        closing = "Bye, {Name}!"
        [[steps]]
        say = "[curious] Name?"
        answers = ["I am {name}"]
        praise = ["Hello, {Name}!"]
        hints = ["Say I am."]
        model = "I am Ana."
    "#;

    /// The reasons why a folder with these lesson files beside the embedded wording is not used whole.
    fn problems(files: &[(&str, &str)]) -> (usize, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let wording = Prompts::embedded().read("lessons/en/wording.toml").unwrap();
        for (path, source) in files.iter().chain(&[("en/wording.toml", wording.as_str())]) {
            let file = folder.path().join(FOLDER).join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, source).unwrap();
        }
        let lessons = Lessons::load(&Prompts::new(folder.path().to_owned()));
        (lessons.lessons.len(), lessons.problems().iter().map(Problem::to_string).collect())
    }

    #[test]
    fn a_bad_file_is_named_with_its_reason_and_the_others_work() {
        for (path, edit, reason) in [
            ("en/a1/x.toml", ("[happy]", "[furious]"), "opening: `[furious]` is no tag"),
            ("en/a1/x.toml", ("I am Ana.", "Ana"), "step 1: model: `Ana` is none of the answers"),
            (
                "en/a1/x.toml",
                ("Bye, {Name}", "Bye, {Pet}"),
                "closing: nobody has asked for {pet} yet",
            ),
            ("en/a1/x.toml", ("order", "ordr"), "unknown field `ordr`"),
            ("en/a9/x.toml", ("", ""), "`a9` is no level: expected a1 to c2"),
            ("en/x.toml", ("", ""), "expected a path such as es/a1/cafe.toml"),
            ("fr/a1/x.toml", ("", ""), "lessons/fr/wording.toml is missing or unusable"),
            ("fr/wording.toml", ("", ""), "unknown field"),
        ] {
            let bad = if edit.0.is_empty() { GOOD.into() } else { GOOD.replace(edit.0, edit.1) };
            let (count, problems) = problems(&[("en/a1/good.toml", GOOD), (path, &bad)]);
            assert_eq!(count, 1, "{path}");
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(&format!("lessons/{path}:")), "{}", problems[0]);
            assert!(problems[0].contains(reason), "{} lacks {reason}", problems[0]);
        }
    }
}
