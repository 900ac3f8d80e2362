//! Looks through a folder of lessons for the teacher who writes them, as the practice tutor would meet them. It
//! changes nothing and leaves nothing out of use: what cannot be used the catalogue itself leaves out.

mod remarks;

use std::collections::BTreeMap;

use crate::prompts::{
    Prompts,
    fault::Fault,
    lessons::{Lessons, Problem},
};
use remarks::remarks;

/// What was found in a folder of lessons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// By file and line.
    pub problems: Vec<Problem>,
    /// By folder.
    pub shelves: Vec<Shelf>,
}

/// The lessons of one language at one level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Its folder among the lessons: `es/a1`.
    pub folder: String,
    /// How many files it has.
    pub lessons: usize,
    /// How many problems these have.
    pub problems: usize,
}

/// Reads all files below `root`, a folder of `prompts` that is named with its `/` at the end.
#[must_use]
pub fn check(prompts: &Prompts, root: &str) -> Report {
    let lessons = Lessons::load_below(prompts, root);
    let files = prompts.list(root);
    let mut problems = lessons.problems().to_vec();
    problems.extend(files.iter().filter(|file| is_stray(file)).map(|file| Problem {
        file: file.clone(),
        fault: Fault::of_file("nobody reads this file: expected a name that ends in .toml"),
    }));
    for lesson in lessons.all() {
        let faults = remarks(lesson, lessons.wording(lesson)).into_iter();
        let file = format!("{root}{}", lesson.path());
        problems.extend(faults.map(|fault| Problem { file: file.clone(), fault }));
    }
    problems.extend(shared_orders(&lessons, root));
    problems
        .sort_by(|one, other| (&one.file, one.fault.line).cmp(&(&other.file, other.fault.line)));
    let shelves = shelves(&files, &problems, root);
    Report { problems, shelves }
}

fn is_stray(file: &str) -> bool {
    !file.ends_with(".toml") && !file.ends_with(".md")
}

/// Lessons that stand at a place of their level that another one has, too.
fn shared_orders(lessons: &Lessons, root: &str) -> Vec<Problem> {
    let mut taken = BTreeMap::new();
    let mut problems = Vec::new();
    for lesson in lessons.all() {
        let place = (lesson.language.as_str(), lesson.level, lesson.order);
        let Some(first) = taken.insert(place, lesson) else { continue };
        let reason = format!(
            "order: {} is the place of {}, too; give each lesson its own",
            lesson.order,
            first.path()
        );
        let file = format!("{root}{}", lesson.path());
        problems.push(Problem { file, fault: Fault::of_file(reason) });
    }
    problems
}

fn shelves(files: &[String], problems: &[Problem], root: &str) -> Vec<Shelf> {
    let mut shelves = BTreeMap::<&str, Shelf>::new();
    for file in files.iter().filter(|file| file.ends_with(".toml")) {
        let Some((folder, _)) = file.strip_prefix(root).and_then(|path| path.rsplit_once('/'))
        else {
            continue;
        };
        // What stands beside the levels is the language's wording.
        if !folder.contains('/') {
            continue;
        }
        let shelf = shelves
            .entry(folder)
            .or_insert_with(|| Shelf { folder: folder.to_owned(), ..Shelf::default() });
        shelf.lessons += 1;
        shelf.problems += problems.iter().filter(|problem| problem.file == *file).count();
    }
    shelves.into_values().collect()
}

#[cfg(test)]
mod tests;
